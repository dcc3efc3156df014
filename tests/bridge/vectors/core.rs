//! The core whose batches are the vectors. A panic's place is a line of this file: whoever changes it writes the vectors
//! anew.

use super::super::*;

pub(crate) fn build(executor: &mut Executor<Effect>, shell: Shell<Effect>, _: Trace) {
    let other = shell.clone();
    drop(executor.spawner().name("core").spawn(async move {
        shell.notify(Say("\"quoted\" é".into())).unwrap();
        let found = shell.request(Find { name: "Ada" }).await.unwrap();
        let _ = shell.request(Odd::Fails).await;
        panic!("{} is {}", found.name, found.ages[0]);
    }));
    drop(executor.spawner().spawn(async move {
        let mut ticks = other.subscribe(Ticks);
        while futures::StreamExt::next(&mut ticks).await.is_some() {}
    }));
}
