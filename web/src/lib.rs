//! linkcheck for a web page: the core and the adapter, which hands its effects to handlers in JavaScript.
