//! Who is told the events of a run.

use std::fmt;
use std::io;

use crate::event::Event;

/// Something that tells a run while it goes on.
pub trait Reporter {
    /// Tells an event, or keeps it until its turn comes.
    ///
    /// # Errors
    ///
    /// That of the writer.
    fn report(&mut self, event: &Event) -> io::Result<()>;
}

/// Tells every event to several reporters.
#[derive(Default)]
pub struct Tee(pub Vec<Box<dyn Reporter + Send>>);

impl<R: Reporter + ?Sized> Reporter for Box<R> {
    fn report(&mut self, event: &Event) -> io::Result<()> {
        (**self).report(event)
    }
}

impl Reporter for Tee {
    /// Tells all of them, also after one has failed, and returns the first error.
    fn report(&mut self, event: &Event) -> io::Result<()> {
        let mut told = Ok(());
        for reporter in &mut self.0 {
            told = told.and(reporter.report(event));
        }
        told
    }
}

impl fmt::Debug for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tee({} reporters)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use crate::event::{RunEnd, RunFinished, Summary};

    struct Broken(&'static str, Arc<AtomicUsize>);

    impl Reporter for Broken {
        fn report(&mut self, _: &Event) -> io::Result<()> {
            self.1.fetch_add(1, Ordering::Relaxed);
            Err(io::Error::other(self.0))
        }
    }

    #[test]
    fn a_tee_tells_all_and_returns_the_first_error() {
        let told = Arc::new(AtomicUsize::new(0));
        let mut tee = Tee(vec![
            Box::new(Broken("first", told.clone())),
            Box::new(Broken("second", told.clone())),
        ]);
        let end = Event::RunFinished(RunFinished {
            summary: Summary::default(),
            took: std::time::Duration::ZERO,
            end: RunEnd::Complete,
        });
        let error = tee.report(&end).expect_err("both are broken");
        assert_eq!(error.to_string(), "first");
        assert_eq!(told.load(Ordering::Relaxed), 2);
    }
}
