"""The language server: findings, completion, hover, definitions, references, renaming and outline for editors."""
