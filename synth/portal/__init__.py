"""The shell of the web portal: base templates, design system, static files, home page. Knows no domain."""
