"""The shipped kit: tiny hosts, fake distributions, the smallest injector."""
