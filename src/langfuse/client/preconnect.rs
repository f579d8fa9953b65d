//! Opens a connection before there is anything to send. ureq opens one only for a request, so a request is begun and
//! dropped once its connection is made. The next request takes the connection from here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ureq::Error;
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, Transport};

/// ureq's own way to connect, with a place to keep one connection for later. Copies share the place.
#[derive(Clone, Debug, Default)]
pub(super) struct Preconnect(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    connector: DefaultConnector,
    place: Mutex<Place>,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Empty,
    /// The next connection is for the preconnect, not for a request.
    Reserved,
    Taken(Box<dyn Transport>),
}

impl Preconnect {
    /// Runs a request only up to its connection. Returns whether the connection is made.
    pub(super) fn connect<Response>(
        &self,
        request: impl FnOnce() -> Result<Response, Error>,
    ) -> Result<(), Error> {
        *self.place() = Place::Reserved;
        let outcome = request();
        let mut place = self.place();
        match outcome {
            Err(error) if !matches!(*place, Place::Taken(_)) => {
                *place = Place::Empty;
                Err(error)
            }
            _ => Ok(()),
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connector for Preconnect {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, Error> {
        let before = std::mem::take(&mut *self.place());
        let is_reserved = matches!(before, Place::Reserved);
        // Use shows whether it is still open: a TLS server may have sent unread data.
        if let Place::Taken(transport) = before {
            return Ok(Some(transport));
        }
        let transport = self.0.connector.connect(details, chained)?;
        match transport {
            Some(transport) if is_reserved => {
                *self.place() = Place::Taken(transport);
                Err(Error::ConnectionFailed)
            }
            transport => Ok(transport),
        }
    }
}
