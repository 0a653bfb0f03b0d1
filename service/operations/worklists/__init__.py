"""The four worklists: what each is made from, and how a page of one is found."""
