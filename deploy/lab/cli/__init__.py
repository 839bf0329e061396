"""Commands of the lab; `deploy/cli` lists them."""
