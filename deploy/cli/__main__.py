"""`python -m deploy.cli`: the same as `questlog`."""

from deploy.cli import main

if __name__ == "__main__":
    main()
