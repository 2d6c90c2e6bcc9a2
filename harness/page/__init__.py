"""Page: an answer with its pictures and tables, as one HTML file or as Markdown."""
