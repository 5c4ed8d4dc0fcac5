"""The completion of bash, zsh and fish, written from the parser's own table."""
