#!/usr/bin/env python3
# Turns botocore's description of an AWS service into a prose-free model and TypeScript types under src/aws/models.
"""Usage: python3 scripts/generate-aws-models.py lambda [service ...]

For each service two files are written, the same bytes every time:
  src/aws/models/<service>.ts        types of every input, output, error and enumeration
  src/aws/models/<service>-model.ts  the model itself, as JSON text that is parsed at load

botocore is Apache-2.0 (see NOTICE). It is fetched by pip, never installed, and its hash is checked.
To move to a newer botocore: change BOTOCORE_VERSION and BOTOCORE_SHA256, run, and read the diff.
"""

import gzip
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

BOTOCORE_VERSION = '1.44.5'
BOTOCORE_SHA256 = '8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921'
MODELS = Path(__file__).resolve().parent.parent / 'src' / 'aws' / 'models'

# What the runtime needs of a shape and of a member; everything else in botocore's files is prose or client-side.
SHAPE_TRAITS = [
    'type', 'required', 'payload', 'member', 'key', 'value', 'enum', 'pattern', 'min', 'max', 'sensitive',
    'streaming', 'timestampFormat', 'eventstream', 'event', 'union', 'document', 'flattened',
    'locationName', 'xmlNamespace', 'wrapper',
]
MEMBER_TRAITS = [
    'shape', 'location', 'locationName', 'timestampFormat', 'streaming', 'eventpayload', 'eventheader',
    'idempotencyToken', 'jsonvalue', 'flattened', 'xmlAttribute', 'xmlNamespace', 'queryName', 'hostLabel',
]
METADATA = ['serviceId', 'apiVersion', 'protocol', 'protocols', 'signingName', 'endpointPrefix', 'targetPrefix', 'jsonVersion']
# Shape names that would hide a global type of TypeScript's.
GLOBAL_NAMES = {'Date', 'Function', 'Error', 'Record', 'Readonly', 'Array', 'String', 'Boolean', 'Number', 'Object', 'Map', 'Set'}


def fetch_wheel(folder):
    wanted = f'botocore=={BOTOCORE_VERSION}'
    subprocess.run(
        [sys.executable, '-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--dest', folder, wanted],
        check=True,
    )
    wheel = next(Path(folder).glob('botocore-*.whl'))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != BOTOCORE_SHA256:
        raise SystemExit(f'{wheel.name}: sha256 is {digest}, expected {BOTOCORE_SHA256}')
    return zipfile.ZipFile(wheel)


def read_service(wheel, service):
    pattern = re.compile(rf'botocore/data/{re.escape(service)}/([^/]+)/service-2\.json\.gz')
    versions = sorted(name for name in wheel.namelist() if pattern.fullmatch(name))
    if not versions:
        raise SystemExit(f'botocore {BOTOCORE_VERSION} has no service {service}')
    return json.loads(gzip.decompress(wheel.read(versions[-1])))


def pick(source, keys):
    return {key: source[key] for key in keys if key in source and source[key] is not False}


def compact_shape(shape):
    out = pick(shape, SHAPE_TRAITS)
    for part in ('member', 'key', 'value'):
        if part in out:
            out[part] = pick(out[part], MEMBER_TRAITS)
    if shape['type'] == 'structure':
        out['members'] = {name: pick(member, MEMBER_TRAITS) for name, member in shape.get('members', {}).items()}
    if shape.get('exception') or 'error' in shape:
        error = shape.get('error', {})
        sender = error.get('senderFault', not shape.get('fault', False))
        out['error'] = {'status': error.get('httpStatusCode', 400 if sender else 500), 'fault': 'User' if sender else 'Service'}
        if 'code' in error:
            out['error']['code'] = error['code']
    return out


def compact_operation(operation):
    http = operation.get('http', {})
    out = {
        'method': http.get('method', 'POST'),
        'uri': http.get('requestUri', '/'),
        'status': http.get('responseCode', 200),
    }
    for part in ('input', 'output'):
        if part in operation:
            out[part] = operation[part]['shape']
            extra = pick(operation[part], ['resultWrapper', 'locationName', 'xmlNamespace'])
            if extra:
                out[part + 'Traits'] = extra
    out['errors'] = sorted(error['shape'] for error in operation.get('errors', []))
    return out


def reachable(service):
    shapes, seen = service['shapes'], set()
    queue = []
    for operation in service['operations'].values():
        queue += [operation[part]['shape'] for part in ('input', 'output') if part in operation]
        queue += [error['shape'] for error in operation.get('errors', [])]
    while queue:
        name = queue.pop()
        if name in seen:
            continue
        seen.add(name)
        shape = shapes[name]
        queue += [member['shape'] for member in shape.get('members', {}).values()]
        queue += [shape[part]['shape'] for part in ('member', 'key', 'value') if part in shape]
    return sorted(seen)


def compact(service_name, service):
    return {
        'service': service_name,
        **pick(service['metadata'], METADATA),
        'operations': {name: compact_operation(service['operations'][name]) for name in sorted(service['operations'])},
        'shapes': {name: compact_shape(service['shapes'][name]) for name in reachable(service)},
    }


def header(service, sentence):
    return (
        f'// Generated by `python3 scripts/generate-aws-models.py {service}` from botocore {BOTOCORE_VERSION} '
        f'(Apache-2.0, see NOTICE); do not edit. {sentence}\n\n'
    )


def one_line(value):
    text = json.dumps(value, separators=(',', ':'), ensure_ascii=True)
    # Inside String.raw`…` these two would end the text or begin an expression; JSON can escape both.
    return text.replace('`', '\\u0060').replace('${', '\\u0024{')


def model_text(model):
    service = model['service']
    lines = []
    for key, value in model.items():
        if key in ('operations', 'shapes'):
            rows = ',\n'.join(f'{json.dumps(name)}:{one_line(row)}' for name, row in value.items())
            lines.append(f'"{key}":{{\n{rows}\n}}')
        else:
            lines.append(f'{json.dumps(key)}:{one_line(value)}')
    name = camel(service)
    return (
        header(service, f'The model of the {service} API, parsed at load.')
        + "import type { ServiceModel } from '../protocol/model.js'\n\n"
        + f'export const {name}Model: ServiceModel = JSON.parse(String.raw`{{\n'
        + ',\n'.join(lines)
        + '\n}`)\n'
    )


def camel(service):
    head, *tail = service.split('-')
    return head + ''.join(part.capitalize() for part in tail)


def pascal(service):
    return ''.join(part.capitalize() for part in service.split('-'))


def property_name(name):
    return name if re.fullmatch(r'[A-Za-z_$][\w$]*', name) else json.dumps(name)


def quoted(text):
    return "'" + text.replace('\\', '\\\\').replace("'", "\\'") + "'"


class Types:
    def __init__(self, model):
        self.model, self.shapes = model, model['shapes']

    def named(self, shape_name):
        return shape_name + 'Shape' if shape_name in GLOBAL_NAMES else shape_name

    def reference(self, shape_name):
        shape = self.shapes[shape_name]
        kind = shape['type']
        if kind == 'structure':
            name = self.named(shape_name)
            return f'AsyncIterable<{name}>' if shape.get('eventstream') else ('unknown' if shape.get('document') else name)
        if kind == 'list':
            inner = self.reference(shape['member']['shape'])
            return f'readonly ({inner})[]' if ' ' in inner else f'readonly {inner}[]'
        if kind == 'map':
            return f"Readonly<Record<string, {self.reference(shape['value']['shape'])}>>"
        if 'enum' in shape:
            return self.named(shape_name)
        if kind == 'timestamp':
            return 'TimestampMs'
        return {'string': 'string', 'character': 'string', 'blob': 'Uint8Array', 'boolean': 'boolean'}.get(kind, 'number')

    def structure(self, name, shape):
        if shape.get('eventstream'):
            rows = [f"  | {{ readonly {property_name(m)}: {self.reference(t['shape'])} }}" for m, t in shape['members'].items()]
            return f'/** One event of the stream: exactly one member. */\nexport type {self.named(name)} =\n' + '\n'.join(rows) + '\n'
        if shape.get('document'):
            return ''
        if not shape['members']:
            return f'export type {self.named(name)} = Readonly<Record<never, never>>\n'
        required = set(shape.get('required', []))
        rows = []
        for member, target in shape['members'].items():
            kind = self.reference(target['shape'])
            rows.append(
                f'  readonly {property_name(member)}: {kind}' if member in required
                else f'  readonly {property_name(member)}?: {kind} | undefined'
            )
        return f'export interface {self.named(name)} {{\n' + '\n'.join(rows) + '\n}\n'

    def operation(self, name, operation):
        given = self.named(operation['input']) if 'input' in operation else 'Readonly<Record<never, never>>'
        output = self.named(operation['output']) if 'output' in operation else 'void'
        errors = ' | '.join(quoted(error) for error in operation['errors']) or 'never'
        return (
            f'  readonly {property_name(name)}: {{\n    readonly input: {given}\n    readonly output: {output}\n'
            f'    readonly errors: {errors}\n  }}\n'
        )

    def text(self):
        service = self.model['service']
        prefix = pascal(service)
        parts = [header(service, f'Types of the {service} API, named as botocore names its shapes.')]
        if any(shape['type'] == 'timestamp' for shape in self.shapes.values()):
            parts.append('/** Epoch milliseconds; on the wire epoch seconds with fractions, or as the member says. */\n'
                         'export type TimestampMs = number\n\n')
        for name, shape in self.shapes.items():
            if 'enum' in shape:
                values = '\n'.join(f'  | {quoted(value)}' for value in shape['enum'])
                parts.append(f'export type {self.named(name)} =\n{values}\n\n')
            elif shape['type'] == 'structure':
                text = self.structure(name, shape)
                parts.append(text + '\n' if text else '')
        operations = ''.join(self.operation(name, operation) for name, operation in self.model['operations'].items())
        parts.append(f'export interface {prefix}Operations {{\n{operations}}}\n\n')
        parts.append(f'export type {prefix}OperationName = keyof {prefix}Operations\n\n')
        errors = [name for name, shape in self.shapes.items() if 'error' in shape]
        rows = ''.join(f'  readonly {property_name(name)}: {self.named(name)}\n' for name in errors)
        parts.append(f'/** The members of each error of this service. */\nexport interface {prefix}Errors {{\n{rows}}}\n\n')
        parts.append(f'export type {prefix}ErrorName = keyof {prefix}Errors\n')
        return ''.join(parts)


def main(services):
    if not services:
        raise SystemExit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        wheel = fetch_wheel(folder)
        for service in services:
            model = compact(service, read_service(wheel, service))
            MODELS.mkdir(parents=True, exist_ok=True)
            (MODELS / f'{service}-model.ts').write_text(model_text(model))
            (MODELS / f'{service}.ts').write_text(Types(model).text())
            print(f"{service}: {len(model['operations'])} operations, {len(model['shapes'])} shapes")


main(sys.argv[1:])
