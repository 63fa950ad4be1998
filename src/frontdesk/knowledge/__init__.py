"""What the business knows: files cut into passages, and what every search over them shares.

Reading Markdown, HTML and PDF is no provider's business: SQLite and PostgreSQL, and whoever comes next, are given the
same passages with the same ids and the same words. So it stands in a layer of its own, above `plugin` (it has options
with secrets) and below the engine, which watches the folder; plugins may see it.
"""
