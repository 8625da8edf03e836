"""localstripe on loopback, for many tests at once: each secret key has a store of its own.

On top of localstripe comes what it lacks and Stripe has: payment methods of every type in one list, customers that are
remembered after they were deleted, errors with a code, Idempotency-Key, search, redaction jobs. And what tests need:
people, a look at everything, and faults. It ends when its standard input is closed.
"""

import asyncio
import contextlib
import contextvars
import json
import os
import sys
import threading
import time
import uuid

from localstripe import resources

current = contextvars.ContextVar('store')
stores = {}


class Store(resources.Store):
    """Passes everything on to the store of the current key."""

    def __getattribute__(self, name):
        if name in ('get', 'keys', 'values', 'items', 'clear', 'pop'):
            return getattr(current.get(), name)
        return super().__getattribute__(name)

    def __getitem__(self, key):
        return current.get()[key]

    def __setitem__(self, key, value):
        current.get()[key] = value

    def __delitem__(self, key):
        del current.get()[key]

    def __contains__(self, key):
        return key in current.get()

    def dump_to_disk(self):
        pass


resources.store = Store()

from aiohttp import web  # noqa: E402
from localstripe import server  # noqa: E402
from localstripe.errors import UserError  # noqa: E402
from localstripe.resources import (  # noqa: E402
    Charge, Customer, Invoice, InvoiceItem, List, PaymentIntent, PaymentMethod, Plan, Product,
    StripeObject, Subscription, TaxId)


class Account:
    """What a key has beside its store."""

    def __init__(self):
        self.store = {}
        self.answers = {}
        self.jobs = []
        self.calls = []
        self.faults = None
        self.search_lag = []


accounts = {}


def account(request):
    return accounts.setdefault(server.get_api_key(request), Account())


# --- What Stripe has and localstripe lacks ---

def list_payment_methods(cls, url, customer=None, type=None, limit=None, starting_after=None):
    Customer._api_retrieve(customer)
    li = super(PaymentMethod, cls)._api_list_all(url, limit=limit, starting_after=starting_after)
    li._list = [pm for pm in li._list if pm.customer == customer and type in (None, pm.type)]
    return li


PaymentMethod._api_list_all = classmethod(list_payment_methods)


def delete_customer(cls, id):
    customer = Customer._api_retrieve(id)
    if getattr(customer, '_deleted', False):
        raise UserError(404, 'No such customer')
    if 'undeletable' in customer.metadata:
        raise UserError(400, 'Refused')
    customer._deleted = True
    for sub in resources.store.values():
        if isinstance(sub, Subscription) and sub.customer == id and sub.status != 'canceled':
            customer._deleted_while_charged = True
    return resources.DeletedObject(id, 'customer')


def list_customers(cls, url, email=None, limit=None, starting_after=None):
    li = super(Customer, cls)._api_list_all(url, limit=limit, starting_after=starting_after)
    li._list = [c for c in li._list if not getattr(c, '_deleted', False) and email in (None, c.email)]
    return li


export_customer = Customer._export


def export_or_tombstone(self, expand=None):
    if getattr(self, '_deleted', False):
        return {'id': self.id, 'object': 'customer', 'deleted': True}
    return export_customer(self, expand)


list_charges = Charge._api_list_all.__func__


def newest_first(cls, url, **query):
    charges = list_charges(cls, url, **query)
    charges._list.sort(key=lambda charge: charge.created, reverse=True)
    return charges


def position(self):
    """Going on after a record that is not in the list is a mistake, not a new beginning."""
    ids = [item.id for item in self._list]
    if self._starting_after is not None and self._starting_after not in ids:
        raise UserError(400, 'No such thing', {'code': 'resource_missing', 'param': 'starting_after'})
    self._starting_pos = ids.index(self._starting_after) + 1 if self._starting_after else 0


def list_tax_ids(cls, id, limit=None, starting_after=None):
    li = List('/v1/customers/' + id + '/tax_ids', limit=limit, starting_after=starting_after)
    li._list = Customer._api_retrieve(id).tax_ids._list
    return li


# The routes hold the functions themselves.
Customer._api_list_tax_ids.__func__.__code__ = list_tax_ids.__code__
Customer._api_list_tax_ids.__func__.__defaults__ = list_tax_ids.__defaults__
Charge._api_list_all = classmethod(newest_first)
List._compute_starting_pos = position
Customer._api_delete = classmethod(delete_customer)
Customer._api_list_all = classmethod(list_customers)
Customer._export = export_or_tombstone

cancel_subscription = Subscription._api_delete.__func__


def cancel_once(cls, id):
    sub = Subscription._api_retrieve(id)
    if 'uncancellable' in (sub.metadata or {}):
        raise UserError(400, 'Refused')
    if sub.status == 'canceled':
        raise UserError(404, 'No such subscription')
    return cancel_subscription(cls, id)


Subscription._api_delete = classmethod(cancel_once)

delete_invoice = Invoice._api_delete.__func__


def delete_draft(cls, id):
    if 'undeletable' in Invoice._api_retrieve(id).metadata:
        raise UserError(400, 'Refused')
    return delete_invoice(cls, id)


Invoice._api_delete = classmethod(delete_draft)


def list_page(items, query):
    limit = int(query.get('limit', 10))
    after = query.get('starting_after')
    at = 0
    if after is not None:
        at = [item['id'] for item in items].index(after) + 1
    return {'object': 'list', 'data': items[at:at + limit], 'has_more': len(items) > at + limit}


async def search_customers(request):
    query = request.query['query']
    key, value = query.removeprefix('metadata["').removesuffix('"').split('"]:"', 1)
    value = value.replace('\\"', '"').replace('\\\\', '\\').lower()
    # Alike, not equal; and what was found an hour ago.
    alive = [c for c in resources.store.values() if isinstance(c, Customer)]
    hits = [c for c in alive if value in str(c.metadata.get(key, '')).lower()]
    hits = [export_customer(c) for c in hits]
    page = int(request.query.get('page', 0))
    return web.json_response({
        'object': 'search_result', 'data': hits[page:page + 1],
        'has_more': len(hits) > page + 1, 'next_page': str(page + 1) if len(hits) > page + 1 else None})


# --- Redaction jobs ---

def job_view(job, request):
    view = {key: value for key, value in job.items() if not key.startswith('_')}
    if 'data.objects' not in request.query.getall('expand[]', []):
        view['objects'] = None
    return view


def not_found():
    return web.json_response({'error': {'type': 'invalid_request_error', 'code': 'resource_missing'}}, status=404)


def failure(code):
    return web.json_response({'error': {'type': 'invalid_request_error', 'code': code}}, status=400)


async def list_jobs(request):
    jobs = [job_view(job, request) for job in reversed(account(request).jobs)]
    return web.json_response(list_page(jobs, request.query))


async def create_job(request):
    form = await request.post()
    customers = form.getall('objects[customers][]')
    for job in account(request).jobs:
        if job['status'] != 'canceled' and set(job['objects']['customers']) & set(customers):
            return failure('object_already_in_redaction_job')
    job = {'id': 'prj_' + uuid.uuid4().hex[:14], 'object': 'privacy.redaction_job', 'created': int(time.time()),
           'status': 'validating', 'validation_behavior': form['validation_behavior'],
           'objects': {'customers': customers}, '_looks': 0}
    account(request).jobs.append(job)
    return web.json_response(job_view(job, request))


def find_job(request):
    jobs = [job for job in account(request).jobs if job['id'] == request.match_info['id']]
    return jobs[0] if jobs else None


async def look_at_job(request):
    job = find_job(request)
    if job is None:
        return not_found()
    job['_looks'] += 1
    if job['status'] == 'validating' and job['_looks'] > 1:
        job['status'] = 'failed' if job.get('_fails') else 'ready'
        job['_fails'] = False
    return web.json_response(job_view(job, request))


async def act_on_job(request):
    job = find_job(request)
    act = request.match_info['act']
    allowed = {'run': ['ready'], 'validate': ['failed'], 'cancel': ['ready', 'failed']}
    if job is None or job['status'] not in allowed[act]:
        return failure('redaction_job_status')
    job['status'] = {'run': 'redacting', 'validate': 'validating', 'cancel': 'canceled'}[act]
    job['_looks'] = 0
    return web.json_response(job_view(job, request))


# --- What every call goes through ---

@web.middleware
async def of_the_key(request, handler):
    key = server.get_api_key(request)
    if key:
        current.set(stores.setdefault(key, {}))
    if not key or request.path.startswith('/_test/') or request.path.startswith('/_config/'):
        return await handler(request)
    its = account(request)
    its.calls.append({'method': request.method, 'path': request.path, 'at': time.time(),
                      'account': request.headers.get('Stripe-Account')})
    number = len(its.calls)
    fault = its.faults and its.faults[number % len(its.faults)]
    if fault == 'refuse':
        return web.json_response({'error': {'code': 'rate_limit'}}, status=429, headers={'Retry-After': '0'})
    if fault == 'hang':
        await asyncio.sleep(3)
        return web.json_response({}, status=504)
    name = request.headers.get('Idempotency-Key')
    if request.method == 'POST' and name and name in its.answers:
        status, body = its.answers[name]
        return web.Response(body=body, status=status, content_type='application/json',
                            headers={'Idempotent-Replayed': 'true'})
    answer = await handler(request)
    if fault == 'fail after acting':
        answer = web.json_response({'error': {'code': 'api_error'}}, status=500)
    if request.method == 'POST' and name:
        its.answers[name] = (answer.status, answer.body)
    if fault == 'drop':
        response = web.StreamResponse(status=200, headers={'Content-Length': str(len(answer.body) + 9)})
        with contextlib.suppress(ConnectionResetError):
            await response.prepare(request)
            await response.write(answer.body)
        if request.transport:
            request.transport.close()
        return response
    return answer


@web.middleware
async def with_codes(request, handler):
    """Stripe names what is missing, and says which parameter it was."""
    answer = await handler(request)
    if answer.status in (400, 404) and request.path.startswith('/v1/') and isinstance(answer, web.Response):
        body = json.loads(answer.body) if answer.body[:1] == b'{' else {'error': {}}
        customer = request.query.get('customer', '')
        if customer and not customer.startswith('cus_') or answer.status == 404:
            body['error']['code'] = 'resource_missing'
            body['error']['message'] = 'No such thing: ' + request.path_qs
            return web.json_response(body, status=answer.status)
    return answer


# --- What tests need ---

def back_in_time(thing, days):
    thing.created -= days * 86400
    if isinstance(thing, Invoice):
        thing.date = thing.created


def invoice(customer, status, days, amount=1000):
    InvoiceItem(customer=customer, amount=amount, currency='eur', description='Something')
    it = Invoice(customer=customer)
    if status != 'draft':
        it._draft = False
    if status == 'open':
        intent = PaymentIntent(amount=amount, currency='eur', customer=customer, payment_method=None)
        it.payment_intent = intent.id
    if status == 'paid':
        it.status_transitions['finalized_at'] = it.created - days * 86400
        it._paid_by_test = True
    back_in_time(it, days)
    return it


status_of = Invoice.status.fget


def status(self):
    return 'paid' if getattr(self, '_paid_by_test', False) else status_of(self)


Invoice.status = property(status)


async def make_person(request):
    wish = await request.json()
    customer = Customer(name=wish['name'], email=wish['email'], metadata=wish.get('metadata', {}))
    tail = customer.id[-4:]
    for number in range(wish.get('tax_ids', 0)):
        Customer._api_add_tax_id(customer.id, type='eu_vat', value='DE12345%s%d' % (tail, number))
    methods = []
    for number in range(wish.get('payment_methods', 0)):
        kind = {'type': 'card', 'card': {'number': '4242424242424242', 'exp_month': '12', 'exp_year': '2030', 'cvc': '123'}}
        if number % 2:
            kind = {'type': 'sepa_debit', 'sepa_debit': {'iban': 'DE89370400440532013000'}}
        pm = PaymentMethod(billing_details={'name': wish['name'], 'email': wish['email']}, **kind)
        PaymentMethod._api_attach(pm.id, customer=customer.id)
        pm._owner = customer.id
        methods.append(pm)
    if methods:
        customer.invoice_settings['default_payment_method'] = methods[0].id
    for number, state in enumerate(wish.get('subscriptions', [])):
        product = Product(name='Plan %s %d' % (tail, number), type='service')
        plan = Plan(amount=0, currency='eur', interval='month', product=product.id)
        sub = Subscription._api_create(customer=customer.id, items=[{'plan': plan.id}])
        if state == 'canceled':
            Subscription._api_delete(sub.id)
        elif state != 'active':
            sub.metadata = {state: 'yes'}
    for thing in [t for t in resources.store.values() if isinstance(t, Invoice) and t.customer == customer.id]:
        back_in_time(thing, 200)
    for number, (state, days) in enumerate(wish.get('invoices', [])):
        it = invoice(customer.id, state.split()[0], days, 1000 + number)
        if 'undeletable' in state:
            it.metadata = {'undeletable': 'yes'}
    for days in wish.get('charges', []):
        charge = Charge(amount=500, currency='eur', customer=customer.id, source=methods[0].id)
        charge._trigger_payment()
        charge.created -= days * 86400
    return web.json_response({'id': customer.id})


def of_customer(thing):
    if isinstance(thing, Customer):
        return thing.id
    return getattr(thing, 'customer', None)


async def state(request):
    """Everything of the customers: each record with its owner, which a detached payment method keeps."""
    seen = []
    for thing in list(resources.store.values()):
        if isinstance(thing, Customer) and getattr(thing, '_deleted', False):
            continue
        if isinstance(thing, (Customer, Subscription, Invoice, Charge, PaymentMethod)):
            owner = of_customer(thing) or getattr(thing, '_owner', None)
            view = thing._export()
            for moving in ('sources', 'subscriptions', 'tax_ids'):
                view.pop(moving, None)
            seen.append({'kind': thing.object, 'owner': owner, 'record': view})
        if isinstance(thing, Customer):
            for tax_id in thing.tax_ids._list:
                seen.append({'kind': 'tax_id', 'owner': thing.id, 'record': tax_id._export()})
    its = account(request)
    wrongly = [c.id for c in resources.store.values() if getattr(c, '_deleted_while_charged', False)]
    return web.json_response({'records': seen, 'calls': its.calls, 'deleted_while_charged': wrongly,
                              'jobs': [{k: v for k, v in job.items() if k != '_looks'} for job in its.jobs]})


async def change(request):
    """Evaluates words of a test in the middle of all this."""
    wish = await request.json()
    its = account(request)
    if 'faults' in wish:
        its.faults = wish['faults']
    if 'forget_calls' in wish:
        its.calls.clear()
    for customer in [t for t in list(resources.store.values()) if isinstance(t, Customer)]:
        if wish.get('poison_drafts_of') == customer.email:
            for it in [t for t in resources.store.values() if isinstance(t, Invoice) and t.customer == customer.id]:
                if it.status == 'draft':
                    it.metadata = {'undeletable': 'yes'}
    if 'age_charges' in wish:
        for charge in [t for t in resources.store.values() if isinstance(t, Charge)]:
            charge.created -= wish['age_charges'] * 86400
    for job in its.jobs:
        if 'jobs_become' in wish:
            job['status'] = wish['jobs_become']
    if 'jobs_fail_once' in wish:
        for job in its.jobs:
            job['_fails'] = True
    if 'job_for' in wish:
        its.jobs.append({'id': 'prj_left_behind', 'object': 'privacy.redaction_job', 'created': int(time.time()),
                         'status': 'ready', 'objects': {'customers': [wish['job_for']]}, '_looks': 0})
    if 'invoices' in wish:
        customer, number = wish['invoices']
        its_customer = Customer._api_retrieve(customer)
        for index in range(number):
            it = Invoice.__new__(Invoice)
            StripeObject.__init__(it)
            lines = List('/lines')
            vars(it).update(
                customer=customer, customer_email=its_customer.email, subscription=None, tax_percent=None,
                default_tax_rates=None, date=it.created - index, metadata={}, payment_intent=None, lines=lines,
                status_transitions={'finalized_at': it.created - index, 'paid_at': None, 'voided_at': None},
                currency='eur', starting_balance=0, ending_balance=0, _draft=False, _voided=False, _paid_by_test=True,
                invoice_pdf='https://pay.stripe.com/invoice/%s/pdf' % it.id, description=None, billing_reason=None)
    return web.json_response({})


app = server.app
app.middlewares.insert(0, with_codes)
app.middlewares.insert(0, of_the_key)
for route in (
        web.get('/v1/privacy/redaction_jobs', list_jobs),
        web.post('/v1/privacy/redaction_jobs', create_job),
        web.get('/v1/privacy/redaction_jobs/{id}', look_at_job),
        web.post('/v1/privacy/redaction_jobs/{id}/{act}', act_on_job),
        web.post('/_test/person', make_person),
        web.get('/_test/state', state),
        web.post('/_test/change', change)):
    app.router.add_routes([route])

# Before `/v1/customers/{id}`, which would take `search` for an id.
search = web.get('/v1/customers/search', search_customers)
app.router.add_routes([search])
app.router._resources.insert(0, app.router._resources.pop())


async def main():
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    print(site._server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def until_the_test_ends():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=until_the_test_ends, daemon=True).start()
asyncio.run(main())
