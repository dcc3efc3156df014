//! A core that does whatever the browser tests and the figures want of it.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll};

use futures::StreamExt as _;
use js_sys::{Function, Object, Promise, Reflect};
use serde::Serialize;
use stillpoint::web::Host;
use stillpoint::{LocalExecutor, LocalJoinHandle, LocalSpawner, Operation, Shell, effects};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, future_to_promise};

/// Asks for something by its name.
#[derive(Serialize)]
pub struct Ask {
    name: String,
}

impl Operation for Ask {
    type Output = String;
}

/// Asks for numbers, until they end.
#[derive(Serialize)]
pub struct Ticks;

impl Operation for Ticks {
    type Output = u32;
}

/// Tells.
#[derive(Serialize)]
pub struct Say {
    text: String,
}

/// Asks for the successor of a number.
#[derive(Serialize)]
pub struct Next {
    number: u32,
}

impl Operation for Next {
    type Output = u32;
}

effects! {
    /// Everything that the laboratory asks.
    pub enum Effect {
        /// One answer.
        Ask => request Ask,
        /// Many.
        Ticks => stream Ticks,
        /// None.
        Say => notify Say,
    }
}

effects! {
    /// What the figures ask.
    pub enum Counting {
        /// One number.
        Next => request Next,
    }
}

/// An executor in the page, and what to have it do.
#[wasm_bindgen]
pub struct Lab {
    host: Host,
    spawner: LocalSpawner,
    shell: Shell<Effect>,
    log: Rc<RefCell<Vec<String>>>,
    jobs: Vec<LocalJoinHandle<()>>,
}

#[wasm_bindgen]
impl Lab {
    /// Opens a host with these handlers.
    #[wasm_bindgen(constructor)]
    pub fn new(handlers: &JsValue) -> Result<Self, JsValue> {
        let executor = LocalExecutor::new();
        let (spawner, shell) = (executor.local_spawner(), executor.shell());
        Ok(Self {
            host: Host::new(executor, handlers)?,
            spawner,
            shell,
            log: Rc::default(),
            jobs: Vec::new(),
        })
    }

    /// The host.
    #[wasm_bindgen(getter)]
    pub fn host(&self) -> Host {
        self.host.clone()
    }

    /// Has a task ask for something, and log what comes of it. Gives the task's number.
    pub fn ask(&mut self, name: String) -> usize {
        let (shell, log) = (self.shell.clone(), self.log.clone());
        self.spawn(async move {
            let line = match shell.request(Ask { name: name.clone() }).await {
                Ok(answer) => format!("{name} = {answer}"),
                Err(error) => format!("{name}: {error}"),
            };
            log.borrow_mut().push(line);
        })
    }

    /// Has a task log what a stream brings, and how it ends.
    pub fn subscribe(&mut self) -> usize {
        let (shell, log) = (self.shell.clone(), self.log.clone());
        self.spawn(async move {
            let mut ticks = shell.subscribe(Ticks);
            while let Some(tick) = ticks.next().await {
                log.borrow_mut().push(format!("tick {tick}"));
            }
            log.borrow_mut()
                .push(format!("ticks: {:?}", ticks.ended_by()));
        })
    }

    /// Tells the page something.
    pub fn say(&mut self, text: String) -> usize {
        let shell = self.shell.clone();
        self.spawn(async move {
            let _ = shell.notify(Say { text });
        })
    }

    /// Has a task wake itself for ever.
    pub fn spin(&mut self) -> usize {
        self.spawn(poll_fn(|cx: &mut Context<'_>| {
            cx.waker().wake_by_ref();
            Poll::Pending
        }))
    }

    /// Aborts a task.
    pub fn abort(&self, job: usize) {
        if let Some(job) = self.jobs.get(job) {
            job.abort();
        }
    }

    /// What the tasks have logged.
    pub fn log(&self) -> Vec<String> {
        self.log.borrow().clone()
    }

    fn spawn(&mut self, future: impl Future<Output = ()> + 'static) -> usize {
        self.jobs.push(self.spawner.spawn(future));
        self.jobs.len() - 1
    }
}

/// As many round trips, one after the other, through an executor and its host.
#[wasm_bindgen]
pub fn round_trips(count: u32, handler: &Function) -> Promise {
    let handlers = Object::new();
    let set = Reflect::set(&handlers, &"Next".into(), handler);
    future_to_promise(async move {
        set?;
        let executor = LocalExecutor::<Counting>::new();
        let (spawner, shell) = (executor.local_spawner(), executor.shell());
        let host = Host::new(executor, &handlers)?;
        let counting = spawner.spawn(async move {
            let mut number = 0;
            for _ in 0..count {
                match shell.request(Next { number }).await {
                    Ok(next) => number = next,
                    Err(_) => break,
                }
            }
            number
        });
        let number = counting.await.unwrap_or_default();
        host.close()?;
        Ok(number.into())
    })
}

/// The same loop, written with wasm-bindgen-futures.
#[wasm_bindgen]
pub fn bindgen_round_trips(count: u32, handler: &Function) -> Promise {
    let handler = handler.clone();
    future_to_promise(async move {
        let mut number = 0;
        for _ in 0..count {
            let asked = serde_wasm_bindgen::to_value(&Next { number })?;
            let answer = handler.call1(&JsValue::UNDEFINED, &asked)?;
            let answer = JsFuture::from(Promise::resolve(&answer)).await?;
            number = serde_wasm_bindgen::from_value(answer)?;
        }
        Ok(number.into())
    })
}
