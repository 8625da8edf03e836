"""A mail server on loopback (aiosmtpd) that keeps what it is given as files.

    smtp.py FOLDER PORT [tls] [auth]

Prints its port. Each mail becomes FOLDER/mail-NUMBER.json. FOLDER/behaviour says what a recipient is answered: "451", "550", or "hang" after
the mail was taken. With `tls` it asks for STARTTLS, under a certificate that FOLDER/ca.pem signs; with `auth` for the login of a user
"adieu" with the password "hunter2". It ends when its standard input is closed.
"""

import asyncio
import datetime
import ipaddress
import json
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

folder, port, options = sys.argv[1], int(sys.argv[2]), sys.argv[3:]


def behaviour():
    try:
        with open(os.path.join(folder, 'behaviour')) as file:
            return file.read().strip()
    except FileNotFoundError:
        return ''


class Keeper:
    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = {'451': '451 4.7.1 Try again later, ' + address,
                  '550': '550 5.1.1 No such person: ' + address}.get(behaviour())
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        number = len([name for name in os.listdir(folder) if name.startswith('mail-')])
        mail = {'from': envelope.mail_from, 'to': envelope.rcpt_tos, 'tls': session.ssl is not None,
                'login': bool(session.authenticated), 'data': envelope.content.decode('utf-8')}
        path = os.path.join(folder, 'mail-%03d.json' % number)
        with open(path + '.part', 'w') as file:
            json.dump(mail, file)
        os.rename(path + '.part', os.path.join(folder, 'mail-%03d.json' % number))
        if behaviour() == 'hang':
            await asyncio.sleep(3600)
        return '250 OK'


def certificates():
    """A certificate for 127.0.0.1, and the one that signs it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = datetime.datetime.now(datetime.timezone.utc)

    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def certificate(subject, key, issuer, signer, is_ca):
        builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=30))
                   .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True))
        if not is_ca:
            here = [x509.IPAddress(ipaddress.ip_address('127.0.0.1')), x509.DNSName('localhost')]
            usage = [x509.ExtendedKeyUsageOID.SERVER_AUTH]
            builder = (builder.add_extension(x509.SubjectAlternativeName(here), critical=False)
                       .add_extension(x509.ExtendedKeyUsage(usage), critical=False))
        return builder.sign(signer, hashes.SHA256())

    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = certificate('Test CA', ca_key, 'Test CA', ca_key, True)
    own = certificate('localhost', key, 'Test CA', ca_key, False)
    pem = serialization.Encoding.PEM
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    for file, content in [('ca.pem', ca.public_bytes(pem)),
                          ('own.pem', own.public_bytes(pem) + key.private_bytes(pem, *plain))]:
        with open(os.path.join(folder, file), 'wb') as out:
            out.write(content)


def may_enter(server, session, envelope, mechanism, data):
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (b'adieu', b'hunter2')
    return AuthResult(success=is_right)


settings = {}
if 'tls' in options:
    certificates()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, 'own.pem'))
    settings.update(tls_context=context, require_starttls=True)
if 'auth' in options:
    settings.update(authenticator=may_enter, auth_required=True, auth_require_tls='tls' in options)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keeper(), **settings), '127.0.0.1', port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)

asyncio.run(main())
