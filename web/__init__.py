"""The web door: pages, forms and the stream that keeps a page current."""
