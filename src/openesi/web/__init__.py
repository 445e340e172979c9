"""The operator's side over HTTP: a JSON API and the pages."""
