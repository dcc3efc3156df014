//! Mio on Windows: sockets of one group share the record of what they are interested in, and whoever leaves rewrites it.

/// What a group of sockets waits for.
#[derive(Default)]
pub struct Selector {
    interest: Option<usize>,
    sockets: usize,
}

impl Selector {
    /// Adds a socket, which waits from now on.
    pub fn register(&mut self) -> usize {
        self.sockets += 1;
        self.interest.get_or_insert(self.sockets);
        self.sockets
    }

    /// Removes a socket: the group has nothing to wait for, by what the leaving one knows.
    pub fn deregister(&mut self, _socket: usize) {
        self.interest = None;
    }

    /// Whether an event for this socket finds somebody who waits.
    pub fn is_armed(&self, socket: usize) -> bool {
        self.interest == Some(socket)
    }
}
