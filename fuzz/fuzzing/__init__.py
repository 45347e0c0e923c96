"""The API as its OpenAPI document says it is: asked at random and on purpose, through the front of a `cargo dev`."""
