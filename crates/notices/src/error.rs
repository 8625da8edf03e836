//! From what a mail server says to what it means. Its own words are left out: they often repeat the address.

use adieu_core::{ConnectorError, ErrorKind, Retry};
use lettre::transport::smtp::Error;

pub(crate) fn error(error: &Error) -> ConnectorError {
    if let Some(code) = error.status() {
        return answered(u16::from(code));
    }
    if error.is_timeout() {
        return ConnectorError::new(
            ErrorKind::TimedOut,
            "the mail server did not answer in time",
        );
    }
    if error.is_tls() {
        let what = "no encrypted connection to the mail server could be made";
        return ConnectorError::new(ErrorKind::Unavailable, what);
    }
    if error.is_response() {
        let what = "the mail server's answer makes no sense";
        return ConnectorError::new(ErrorKind::Unavailable, what);
    }
    if error.is_client() {
        // Somebody has to change the server or the configuration, and meanwhile nothing is lost.
        let what = "the mail server does not offer what this needs: encryption, a login, or letters beyond ASCII";
        return ConnectorError::new(ErrorKind::Unsupported, what).retry(Retry::WithBackoff);
    }
    ConnectorError::new(
        ErrorKind::Unavailable,
        "the mail server cannot be reached, or broke off",
    )
}

/// By RFC 5321, section 4.2, and RFC 4954, section 6.
fn answered(code: u16) -> ConnectorError {
    let what = format!("the mail server answered {code}");
    match code {
        421 => ConnectorError::new(ErrorKind::Unavailable, what),
        // Somebody has to change the login, and meanwhile nothing is lost.
        432 | 454 | 530 | 534 | 535 | 538 => {
            ConnectorError::new(ErrorKind::Unauthorized, what).retry(Retry::WithBackoff)
        }
        400..=499 => ConnectorError::new(ErrorKind::RateLimited, what),
        _ => ConnectorError::new(ErrorKind::Forbidden, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_a_refusal_is_not() {
        for (code, kind, again) in [
            (421, ErrorKind::Unavailable, true),
            (450, ErrorKind::RateLimited, true),
            (535, ErrorKind::Unauthorized, true),
            (550, ErrorKind::Forbidden, false),
            (554, ErrorKind::Forbidden, false),
        ] {
            let error = answered(code);
            assert_eq!(error.kind(), kind, "{code}");
            assert_eq!(error.retry_advice() != Retry::Never, again, "{code}");
        }
    }
}
