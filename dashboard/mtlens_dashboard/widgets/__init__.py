"""Parts of pages: charts with their tables, filters, automatic refresh."""
