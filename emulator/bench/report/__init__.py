"""The report of a benchmark: results to a web page, a text in Markdown, and plots for a paper."""
