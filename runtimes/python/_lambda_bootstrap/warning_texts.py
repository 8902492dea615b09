# The warnings that Lambda itself writes to a function's log, word for word as users see them.
import logging
import os

_UNHANDLED = (
    'LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. '
    'However, in rare cases, a Lambda runtime update can cause unexpected function behavior. For '
    'functions using managed runtimes, runtime updates can be triggered by a function change, or '
    'can be applied automatically. To determine if the runtime has been updated, check the runtime '
    'version in the INIT_START log entry. If this error correlates with a change in the runtime '
    'version, you may be able to mitigate this error by temporarily rolling back to the previous '
    'runtime version. For more information, see '
    'https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r'
)
_PREVIEW = (
    'LAMBDA_WARNING: This is a preview runtime version and should not be used for production '
    'workloads. For further information and to provide feedback, see '
    'https://docs.%s/lambda/latest/dg/lambda-runtimes.html\r'
)


def log_unhandled_exception():
    logging.warning(_UNHANDLED)


def log_preview():
    if os.environ.get('LAMBDA_DISABLE_PREVIEW_WARN', ''):
        return
    china = os.environ.get('AWS_REGION', '').startswith('cn-')
    logging.warning(_PREVIEW % ('amazonaws.cn' if china else 'aws.amazon.com'))
