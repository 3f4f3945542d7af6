"""A real Label Studio server, for the tests that need one."""
