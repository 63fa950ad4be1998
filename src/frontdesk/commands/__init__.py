"""The commands of the command line that look at things, prove things or change things: one module each, and
`reading_store`, by which they read a store that somebody may be serving."""
