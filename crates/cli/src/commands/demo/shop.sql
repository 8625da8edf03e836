-- A small shop. Customer 1 is the one who will leave; 10 and 11 are easily taken for her.

CREATE TABLE customers (
    id          INTEGER PRIMARY KEY,
    email       TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    phone       TEXT,
    street      TEXT,
    city        TEXT,
    born_on     TEXT,
    joined_on   TEXT NOT NULL
);

CREATE TABLE orders (
    id          INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    placed_on   TEXT NOT NULL,
    ship_to     TEXT NOT NULL,
    gift_note   TEXT
);

CREATE TABLE order_lines (
    order_id    INTEGER NOT NULL REFERENCES orders (id),
    line        INTEGER NOT NULL,
    product     TEXT NOT NULL,
    quantity    INTEGER NOT NULL,
    price       NUMERIC NOT NULL,
    PRIMARY KEY (order_id, line)
);

CREATE TABLE invoices (
    number      TEXT PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    issued_on   TEXT NOT NULL,
    total       NUMERIC NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('open', 'paid')),
    bill_to     TEXT
);

CREATE TABLE sessions (
    token_hash  TEXT PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    started_at  TEXT NOT NULL,
    ip          TEXT NOT NULL,
    browser     TEXT NOT NULL
);

CREATE TABLE tickets (
    id            INTEGER PRIMARY KEY,
    customer_id   INTEGER NOT NULL REFERENCES customers (id),
    opened_on     TEXT NOT NULL,
    subject       TEXT NOT NULL,
    body          TEXT NOT NULL,
    handled_by    TEXT NOT NULL,
    internal_note TEXT
);

CREATE TABLE products (
    name        TEXT PRIMARY KEY,
    price       NUMERIC NOT NULL
);

INSERT INTO customers VALUES
    (1,  'ada.fairweather@example.com', 'Ada Fairweather',  '+44 20 7946 0001', '12 Canal Row',  'Whitby',  '1985-12-10', date('now', '-11 years', '-40 days')),
    (2,  'bob.mercer@example.com',      'Bob Mercer',       '+44 20 7946 0002', '3 Mill Lane',   'Whitby',  '1979-03-02', date('now', '-6 years')),
    (3,  'grace.holm@example.net',      'Grace Holm',       '+44 20 7946 0003', '14 Canal Row',  'Whitby',  '1966-07-21', date('now', '-5 years')),
    (10, 'ada.fairweather@example.org', 'Ada Fairweather',  '+44 20 7946 0010', '7 Harbour St',  'Tenby',   '1993-01-30', date('now', '-3 years')),
    (11, 'alan.fairweather@example.com','Alan Fairweather', '+44 20 7946 0011', '12 Canal Row',  'Whitby',  '1984-06-23', date('now', '-2 years'));

INSERT INTO orders VALUES
    (1, 1,  date('now', '-11 years', '-30 days'), 'Ada Fairweather, 12 Canal Row, Whitby',  NULL),
    (2, 1,  date('now', '-4 years'),              'Ada Fairweather, 12 Canal Row, Whitby',  NULL),
    (3, 2,  date('now', '-4 years'),              'Bob Mercer, 3 Mill Lane, Whitby',        NULL),
    (4, 10, date('now', '-2 years'),              'Ada Fairweather, 7 Harbour St, Tenby',   NULL),
    (5, 1,  date('now', '-20 days'),              'Grace Holm, 14 Canal Row, Whitby',       'Thank you for taking in my parcels! Ada'),
    (6, 11, date('now', '-19 days'),              'Alan Fairweather, 12 Canal Row, Whitby', NULL);

INSERT INTO order_lines VALUES
    (1, 1, 'Teapot, "Enigma" glaze', 1, 34.50), (1, 2, 'Loose tea, 250 g', 2, 8.90),
    (2, 1, 'Loose tea, 250 g', 4, 9.40),
    (3, 1, 'Mug', 2, 12.00),
    (4, 1, 'Mug', 1, 12.00), (4, 2, 'Loose tea, 250 g', 1, 9.40),
    (5, 1, 'Chocolates', 1, 15.25),
    (6, 1, 'Teapot, "Enigma" glaze', 1, 36.00);

INSERT INTO invoices VALUES
    ('INV-0001', 1,  date('now', '-11 years', '-30 days'), 52.30, 'paid', 'Ada Fairweather, 12 Canal Row, Whitby'),
    ('INV-0002', 1,  date('now', '-4 years'),              37.60, 'paid', 'Ada Fairweather, 12 Canal Row, Whitby'),
    ('INV-0003', 2,  date('now', '-4 years'),              24.00, 'paid', 'Bob Mercer, 3 Mill Lane, Whitby'),
    ('INV-0004', 10, date('now', '-2 years'),              21.40, 'paid', 'Ada Fairweather, 7 Harbour St, Tenby'),
    ('INV-0005', 1,  date('now', '-20 days'),              15.25, 'paid', 'Ada Fairweather, 12 Canal Row, Whitby'),
    ('INV-0006', 11, date('now', '-19 days'),              36.00, 'open', 'Alan Fairweather, 12 Canal Row, Whitby');

INSERT INTO sessions VALUES
    ('5f1c…01', 1,  datetime('now', '-21 days'), '198.51.100.23',  'Firefox on Linux'),
    ('5f1c…02', 1,  datetime('now', '-1 days'),  '2001:db8:12::7', 'Safari on iPhone'),
    ('5f1c…03', 2,  datetime('now', '-2 days'),  '203.0.113.9',    'Chrome on Windows'),
    ('5f1c…10', 10, datetime('now', '-3 days'),  '203.0.113.40',   'Firefox on macOS'),
    ('5f1c…11', 11, datetime('now', '-19 days'), '198.51.100.23',  'Firefox on Linux');

INSERT INTO tickets VALUES
    (1, 1,  date('now', '-18 days'), 'Where is my parcel?',
        'The courier says it was left with Grace Holm at number 14, but she is away until Sunday.', 'Priya N.',
        'Grace Holm has called about this as well, see ticket 2.'),
    (2, 3,  date('now', '-17 days'), 'Parcel for my neighbour',
        'I have a parcel for Ada Fairweather here. Please tell her that I am back.', 'Tom W.', NULL),
    (3, 10, date('now', '-10 days'), 'Not my order',
        'You sent me an invoice of another Ada Fairweather!', 'Priya N.', 'Mixed up with customer 1.');

INSERT INTO products VALUES ('Teapot, "Enigma" glaze', 36.00), ('Loose tea, 250 g', 9.40), ('Mug', 12.00), ('Chocolates', 15.25);
