"""The shell of the web portal: base templates, design system, static files and the home page. Knows nothing of the domain."""
