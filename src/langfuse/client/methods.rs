//! Requests to the API, by method.

use super::response::End;
use super::{Call, Client, MAX_RESPONSE_BYTES, Method};
use crate::langfuse::{Body, Deadline, Verdict};

impl Client {
    /// GETs a path of the API with its query; `None` if the server has no such path.
    ///
    /// # Errors
    /// The verdict of a request without an answer in JSON.
    pub fn get(&mut self, path: &str, deadline: Deadline) -> Result<Option<Vec<u8>>, Verdict> {
        self.answer(Method::Get, path, None, deadline)
    }

    /// POSTs to a path of the API; `None` if the server has no such path.
    ///
    /// # Errors
    /// The verdict of a request without an answer in JSON.
    pub fn post(
        &mut self,
        path: &str,
        body: &Body,
        deadline: Deadline,
    ) -> Result<Option<Vec<u8>>, Verdict> {
        self.answer(Method::Post, path, Some(body), deadline)
    }

    /// POSTs a request that the server would execute twice: after a hang-up it is not sent again over a fresh
    /// connection.
    ///
    /// # Errors
    /// The verdict of a request without an answer in JSON.
    pub(in crate::langfuse) fn post_once(
        &mut self,
        path: &str,
        body: &Body,
        deadline: Deadline,
    ) -> Result<Option<Vec<u8>>, Verdict> {
        self.used = false;
        self.post(path, body, deadline)
    }

    /// DELETEs at a path of the API; `None` if the server has no such path or nothing there.
    ///
    /// # Errors
    /// The verdict of a request without an answer in JSON.
    pub fn delete(
        &mut self,
        path: &str,
        body: Option<&Body>,
        deadline: Deadline,
    ) -> Result<Option<Vec<u8>>, Verdict> {
        self.answer(Method::Delete, path, body, deadline)
    }

    /// PATCHes a path of the API. A success may have no body.
    ///
    /// # Errors
    /// The verdict of a request that did not succeed.
    pub(in crate::langfuse) fn patch(
        &mut self,
        path: &str,
        body: &Body,
        deadline: Deadline,
    ) -> Result<(), Verdict> {
        let call = Call {
            method: Method::Patch,
            path,
            body: Some(body),
            max_response: MAX_RESPONSE_BYTES,
        };
        let received = self.ask(call, deadline)?;
        match received.classify(&self.server()) {
            _ if matches!(received.status, 200..=299) => Ok(()),
            verdict => Err(verdict),
        }
    }

    fn answer(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Body>,
        deadline: Deadline,
    ) -> Result<Option<Vec<u8>>, Verdict> {
        let call = Call { method, path, body, max_response: MAX_RESPONSE_BYTES };
        let received = self.ask(call, deadline)?;
        // Langfuse answers so for endpoints of another deployment mode.
        if received.status == 404 {
            return Ok(None);
        }
        if received.end == End::TooLong {
            let reason = format!("{} answered with more than 16 MiB", self.server());
            return Err(Verdict::TooLarge { reason, is_said: true });
        }
        match received.classify(&self.server()) {
            Verdict::Acknowledged => Ok(Some(received.body)),
            verdict => Err(verdict),
        }
    }
}
