# The context object that a handler gets as its second argument.
import os
import sys
import time

_W3C_FIELDS = ('traceparent', 'tracestate', 'baggage')


class _Fields:
    """An object with fixed fields, None where the header said nothing."""

    __slots__ = ()

    def __init__(self, values):
        for field in self.__slots__:
            setattr(self, field, values.get(field, None))

    def __repr__(self):
        fields = ','.join(f'{field}={getattr(self, field)}' for field in self.__slots__)
        return f'{self.__class__.__name__}([{fields}])'


class CognitoIdentity(_Fields):
    __slots__ = ('cognito_identity_id', 'cognito_identity_pool_id')


class Client(_Fields):
    __slots__ = (
        'installation_id',
        'app_title',
        'app_version_name',
        'app_version_code',
        'app_package_name',
    )


class ClientContext(_Fields):
    __slots__ = ('custom', 'env', 'client')


class LambdaContext:
    def __init__(self, invocation, client_context, cognito_identity):
        """`client_context` and `cognito_identity` are the parsed headers, None when absent."""
        environ = os.environ
        self.aws_request_id = invocation.request_id
        self.log_group_name = environ.get('AWS_LAMBDA_LOG_GROUP_NAME')
        self.log_stream_name = environ.get('AWS_LAMBDA_LOG_STREAM_NAME')
        self.function_name = environ.get('AWS_LAMBDA_FUNCTION_NAME')
        self.memory_limit_in_mb = environ.get('AWS_LAMBDA_FUNCTION_MEMORY_SIZE')
        self.function_version = environ.get('AWS_LAMBDA_FUNCTION_VERSION')
        self.invoked_function_arn = invocation.invoked_function_arn
        self.tenant_id = invocation.tenant_id
        self._w3c_fields = _take_w3c_fields(client_context)
        self.client_context = None
        if client_context is not None:
            self.client_context = ClientContext(client_context)
            if self.client_context.client is not None:
                self.client_context.client = Client(self.client_context.client)
        identity = {} if cognito_identity is None else cognito_identity
        self.identity = CognitoIdentity(
            {
                'cognito_identity_id': identity.get('cognitoIdentityId'),
                'cognito_identity_pool_id': identity.get('cognitoIdentityPoolId'),
            }
        )
        self._epoch_deadline_time_in_ms = invocation.deadline_ms

    def get_remaining_time_in_millis(self):
        remaining_ms = self._epoch_deadline_time_in_ms - int(time.time() * 1000)
        return remaining_ms if remaining_ms > 0 else 0

    def w3c(self):
        """The W3C trace context that came with the invocation."""
        return dict(self._w3c_fields)

    def log(self, msg):
        logging = sys.modules['logging']
        for handler in logging.getLogger().handlers:
            if hasattr(handler, 'log_sink'):
                handler.log_sink.log(str(msg))
                return
        sys.stdout.write(str(msg))

    def __repr__(self):
        shown = (
            'aws_request_id',
            'log_group_name',
            'log_stream_name',
            'function_name',
            'memory_limit_in_mb',
            'function_version',
            'invoked_function_arn',
            'client_context',
            'identity',
            'tenant_id',
        )
        fields = ','.join(f'{name}={getattr(self, name)}' for name in shown)
        return f'{self.__class__.__name__}([{fields}])'


# The name under which AWS shows these classes in a type's text.
for _class in (CognitoIdentity, Client, ClientContext, LambdaContext):
    _class.__module__ = 'awslambdaric.lambda_context'


def _take_w3c_fields(client_context):
    """Takes the trace context out of a client context, where the service carries it."""
    if not isinstance(client_context, dict) or 'w3c' not in client_context:
        return {}
    fields = client_context.pop('w3c')
    if not isinstance(fields, dict):
        return {}
    return {name: fields[name] for name in _W3C_FIELDS if isinstance(fields.get(name), str)}
