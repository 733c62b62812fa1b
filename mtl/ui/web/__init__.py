"""The page without a server: what `mtl export --web` writes, from the page's own scripts, styles and templates."""
