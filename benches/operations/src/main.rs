//! A core with so many operations as its features say: `cargo xtask bench --code` builds it with each and tells their
//! sizes apart.

use std::hint::black_box;
use std::marker::PhantomData;

use stillpoint::{Emitted, Executor, Operation, Shell, Spawner, effects};

/// What an operation gives.
struct Answer<Op>(u64, PhantomData<fn() -> Op>);

impl<Op> From<u64> for Answer<Op> {
    fn from(number: u64) -> Self {
        Self(number, PhantomData)
    }
}

impl<Op> From<Answer<Op>> for u64 {
    fn from(answer: Answer<Op>) -> Self {
        answer.0
    }
}

/// The output's type, of this operation.
macro_rules! output {
    ($Op:ident) => {
        <Given<$Op> as Gives>::Output
    };
}

struct Given<Op>(PhantomData<Op>);

trait Gives {
    type Output;
}

impl<Op> Gives for Given<Op> {
    #[cfg(not(feature = "same-output"))]
    type Output = Answer<Op>;
    #[cfg(feature = "same-output")]
    type Output = u64;
}

/// Writes a core with these operations.
macro_rules! core {
    ($($Op:ident)*) => {
        $(
            struct $Op(u64);

            impl Operation for $Op {
                type Output = output!($Op);
            }
        )*

        effects! {
            enum Effect {
                $( $Op => request $Op, )*
            }
        }

        #[cfg(feature = "tasks")]
        fn begin(spawner: &Spawner, shell: &Shell<Effect>) {
            $(
                let asks = shell.clone();
                drop(spawner.spawn(async move {
                    black_box(asks.request($Op(1)).await.map_or(0, u64::from))
                }));
            )*
        }

        #[cfg(not(feature = "tasks"))]
        fn begin(spawner: &Spawner, shell: &Shell<Effect>) {
            let shell = shell.clone();
            drop(spawner.spawn(async move {
                let mut number = 1;
                $( number += shell.request($Op(number)).await.map_or(0, u64::from); )*
                black_box(number)
            }));
        }

        fn answer(executor: &mut Executor<Effect>, effect: Effect) {
            match effect {
                $( Effect::$Op(request) => {
                    let answer = request.operation.0 + 1;
                    executor.resolve(request.resolver, answer.into()).ok();
                } )*
            }
        }
    };
}

#[cfg(not(feature = "two"))]
core!(A);
#[cfg(all(feature = "two", not(feature = "ten")))]
core!(A B);
#[cfg(all(feature = "ten", not(feature = "twenty")))]
core!(A B C D E F G H I J);
#[cfg(feature = "twenty")]
core!(A B C D E F G H I J K L M N O P Q R S T);

fn main() {
    let mut executor = Executor::new();
    begin(&executor.spawner(), &executor.shell());
    while executor.run_until_stalled().pending > 0 {
        while let Some(emitted) = executor.drain().next() {
            if let Emitted::Effect(effect) = emitted {
                answer(&mut executor, effect);
            }
        }
    }
    executor.teardown().assert_baseline();
}
