"""The fixtures of this ring; what they are made of stands in http_fixtures."""

from http_fixtures import container, http, post

__all__ = ["container", "http", "post"]
