//! Reading where a server is and how it is told who calls.

use std::collections::BTreeMap;

use adieu_http_client::http::HeaderName;

use super::read::{Reader, optional};
use super::read_call::texts;
use super::{AuthConfig, ServerConfig};
use crate::plan::{AuthPlan, ServerPlan};
use crate::template::Template;

pub(super) fn read_server(reader: &mut Reader<'_>, config: &ServerConfig) -> Option<ServerPlan> {
    let url = match config.url.is_empty() {
        true => {
            reader.wrong("url", "is missing; write \"https://api.example.com\"");
            None
        }
        false => text(reader, "url", &config.url),
    };
    let auth = config
        .auth
        .as_ref()
        .map(|auth| reader.within(["auth"], |reader| read_auth(reader, auth)));
    let mut headers = Vec::new();
    for (name, value) in &config.headers {
        headers.push(reader.within(["headers"], |reader| {
            let value = text(reader, name, value);
            header(reader, name, name).zip(value)
        }));
    }
    Some(ServerPlan {
        at: reader.at.clone(),
        url: url?,
        auth: optional(auth)?,
        headers: headers.into_iter().collect::<Option<_>>()?,
        http: config.http.clone(),
    })
}

fn read_auth(reader: &mut Reader<'_>, config: &AuthConfig) -> Option<AuthPlan> {
    let AuthConfig {
        bearer,
        basic,
        header: own,
        oauth,
        service_account,
    } = config;
    let ways = [
        bearer.is_some(),
        basic.is_some(),
        own.is_some(),
        oauth.is_some(),
        service_account.is_some(),
    ];
    if ways.into_iter().filter(|&way| way).count() != 1 {
        reader.wrong(
            "",
            "takes exactly one of `bearer`, `basic`, `header`, `oauth` and `service_account`",
        );
        return None;
    }
    if let Some(token) = bearer {
        return text(reader, "bearer", token).map(AuthPlan::Bearer);
    }
    if let Some(basic) = basic {
        let user = text(reader, "basic/user", &basic.user);
        let password = text(reader, "basic/password", &basic.password);
        return Some(AuthPlan::Basic {
            user: user?,
            password: password?,
        });
    }
    if let Some(own) = own {
        let name = header(reader, "header/name", &own.name);
        let value = text(reader, "header/value", &own.value);
        return Some(AuthPlan::Header(name?, value?));
    }
    if let Some(oauth) = oauth {
        let url = text(reader, "oauth/url", &oauth.url);
        let mut form = BTreeMap::from([
            ("client_id".to_owned(), oauth.client_id.clone()),
            ("client_secret".to_owned(), oauth.client_secret.clone()),
        ]);
        form.extend(oauth.parameters.clone());
        let scope = reader.settings_alone();
        let form = texts(reader, "oauth", &form, scope);
        return Some(AuthPlan::Oauth {
            url: url?,
            form: form?,
        });
    }
    let account = service_account.as_ref()?;
    let key = text(reader, "service_account/key", &account.key);
    let scope = text(reader, "service_account/scope", &account.scope);
    Some(AuthPlan::ServiceAccount {
        key: key?,
        scope: scope?,
    })
}

fn text(reader: &mut Reader<'_>, key: &str, text: &str) -> Option<Template> {
    let template = Template::parse(text, reader.settings_alone());
    reader.noted(key, template)
}

fn header(reader: &mut Reader<'_>, key: &str, name: &str) -> Option<HeaderName> {
    let parsed = name
        .parse()
        .map_err(|_| format!("`{name}` is no name of a header"));
    reader.noted(key, parsed)
}
