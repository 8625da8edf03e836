//! Every entry of the catalogue keeps the connector contract, over a server that behaves as the provider's documentation says.

use crate::common::{Cast, providers};
use adieu_testkit::Fixture;

macro_rules! entries {
    ($($name:ident $provider:ident;)*) => {
        $(
            mod $name {
                use super::*;

                async fn provider() -> impl Fixture {
                    Cast::of(providers::$provider).await
                }

                adieu_testkit::conformance!(provider);
            }
        )*

        #[test]
        fn every_entry_of_the_catalogue_is_proved_here() {
            let proved = [$(providers::$provider.name),*];
            assert_eq!(adieu_http::catalogue().collect::<Vec<_>>(), proved);
        }
    };
}

entries! {
    amplitude AMPLITUDE;
    auth0 AUTH0;
    clerk CLERK;
    hubspot HUBSPOT;
    intercom INTERCOM;
    mailchimp MAILCHIMP;
    mixpanel MIXPANEL;
    okta OKTA;
    openai OPENAI;
    posthog POSTHOG;
    segment SEGMENT;
    sendgrid SENDGRID;
    zendesk ZENDESK;
}
