//! Tokio's ScheduledIo on Windows' named pipes: what the system holds names a place, and the place has a new tenant by
//! the time that the system answers.

/// Whom an answer is for, by place.
#[derive(Default)]
pub struct Registry {
    places: Vec<Option<Registration>>,
}

pub struct Registration {
    pub name: &'static str,
    pub answer: Option<u32>,
}

#[derive(Clone, Copy)]
pub struct Token(usize);

impl Registry {
    pub fn register(&mut self, name: &'static str) -> Token {
        let place = self.places.iter().position(Option::is_none);
        let place = place.unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[place] = Some(Registration { name, answer: None });
        Token(place)
    }

    pub fn deregister(&mut self, token: Token) {
        self.places[token.0] = None;
    }

    pub fn answer(&mut self, token: Token, answer: u32) {
        if let Some(registration) = &mut self.places[token.0] {
            registration.answer = Some(answer);
        }
    }

    pub fn get(&self, token: Token) -> Option<&Registration> {
        self.places[token.0].as_ref()
    }
}
