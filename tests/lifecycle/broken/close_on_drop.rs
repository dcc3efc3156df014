//! Monoio: a file that is dropped queues its close, and the runtime submits its queue once more before it drops its
//! tasks, not after.

use std::cell::RefCell;
use std::rc::Rc;

/// What is handed to the system, and what waits for it.
#[derive(Default)]
pub struct Ring {
    queued: Vec<u32>,
    pub closed: Vec<u32>,
}

impl Ring {
    fn submit(&mut self) {
        self.closed.append(&mut self.queued);
    }
}

pub struct File {
    pub number: u32,
    pub ring: Rc<RefCell<Ring>>,
}

impl Drop for File {
    fn drop(&mut self) {
        self.ring.borrow_mut().queued.push(self.number);
    }
}

/// Holds tasks, each of which holds a file.
#[derive(Default)]
pub struct Runtime {
    pub tasks: Vec<File>,
    pub ring: Rc<RefCell<Ring>>,
}

impl Runtime {
    pub fn turn(&mut self) {
        self.ring.borrow_mut().submit();
    }

    pub fn shut_down(mut self) {
        self.turn();
        self.tasks.clear();
    }
}
