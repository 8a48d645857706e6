"""What each kind of step does. A step reads its inputs' folders and writes its own."""
