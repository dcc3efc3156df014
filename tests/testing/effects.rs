//! What `effects!` gives the kit: every operation, with its `Debug` where it has one, and no other bound.

use stillpoint::testing::{Scripted, TestShell};
use stillpoint::{Executor, Notification, Operation, Request, Subscription, effects};

use super::{assert_has, failure};

#[derive(Debug)]
struct Seen(#[expect(dead_code, reason = "it is shown")] u32);

impl Operation for Seen {
    type Output = ();
}

/// It can be neither shown nor cloned nor shared.
struct Unseen(#[expect(dead_code, reason = "it is held")] std::cell::Cell<u32>);

struct Generic<T>(T);

struct Long;

impl std::fmt::Debug for Long {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&"é".repeat(1_000))
    }
}

#[derive(Debug)]
struct Spiky;

struct Panics;

impl std::fmt::Debug for Panics {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no text")
    }
}

impl Operation for Spiky {
    type Output = ();
}

effects! {
    enum Effect {
        Seen => notify Seen,
        Unseen => notify Unseen,
        Generic => notify Generic<Vec<u8>>,
        Long => notify Long,
        Panics => notify Panics,
        Text => notify String,
    }
}

effects! {
    enum Nothing {}
}

fn shown<T: Send + 'static>(operation: T) -> String
where
    Effect: From<Notification<T>>,
{
    format!("{:?}", Effect::from(Notification { operation }).open())
}

#[test]
fn an_operation_is_shown_by_its_debug_or_by_its_type() {
    assert_eq!(shown(Seen(7)), "Opened(notification Seen(7))");
    assert_eq!(shown(Unseen(7.into())), "Opened(notification Unseen)");
    assert_eq!(
        shown(Generic(vec![7])),
        "Opened(notification Generic<Vec<u8>>)"
    );
    assert_eq!(shown("a".to_owned()), "Opened(notification String \"a\")");
    assert_eq!(shown(Panics), "Opened(notification Panics)");
    assert_eq!(
        shown(Long),
        format!("Opened(notification Long {}…)", "é".repeat(200))
    );
}

#[test]
fn an_effect_need_not_be_an_enum() {
    fn can_be_scripted<E: Scripted>() {}
    can_be_scripted::<Request<Spiky>>();
    can_be_scripted::<Subscription<Spiky>>();
    can_be_scripted::<Notification<Unseen>>();
    can_be_scripted::<Nothing>();
}

/// What a core asks or tells may be of any type: it is named as the executor's own texts name it.
#[test]
fn a_type_is_named_without_its_modules_whatever_it_is() {
    let mut test = TestShell::new(Executor::<Notification<[Option<Long>; 2]>>::new());
    test.shell().notify([Some(Long), None]).unwrap();
    let text = failure(|| test.expect_nothing());
    assert_has(&text, &["\n  notification [Option<Long>; 2], in this turn"]);
    test.expect_notify::<[Option<Long>; 2]>(|_| true).take();
    let text = failure(|| _ = test.expect_notify::<(Long, Long)>(|_| true).take());
    assert_has(&text, &["a notification (Long, Long) that matches"]);
    test.teardown();
    test.finish();
}
