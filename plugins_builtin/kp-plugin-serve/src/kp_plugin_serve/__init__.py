"""``kpframework serve``: knowledge plugins on one frozen host, behind a page and a JSON API."""
