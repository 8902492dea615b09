// What of the recorded answers is compared otherwise than member by member, and why: the one list of differences from AWS.

/** Whole scenarios that are not played yet. */
export const laterScenarios: Readonly<Record<string, string>> = {
  test_lambda_url_echo_http_fixture_default: 'needs function URLs',
  'test_introspection_invoke[ruby3.2]': 'needs the Ruby runtime',
  'test_introspection_invoke[java17]': 'needs the Java runtime',
  'test_uncaught_exception_invoke[java17]': 'needs the Java runtime',
}

export interface Deviation {
  readonly scenario: string
  readonly answer: string
  readonly why: string
  /** Paths of differences, as the comparison names them. Each must differ: what has become equal leaves the list. */
  readonly paths: readonly string[]
}

const sinceThen = ['.LoggingConfig', '.RuntimeVersionConfig', '.SnapStart']
const age = 'recorded in 2022, before AWS answered with these members'
const endpoint = 'ours: the SDK inside the function reaches the emulator by it'
const profile =
  'profile local: an update has ended before the next request is read; with the durations of AWS it is equal, ' +
  'test/services/lambda/recorded.test.ts'
const recorder = "the recorder's own list of the packages in its code, no part of Lambda"
const entrypoint =
  "the starting script of AWS's own images, which runs /var/runtime/bootstrap: the emulator starts a runtime itself"

const metadata = "recorded before AWS's environments had the metadata endpoint"
const metadataVariables = ['AWS_LAMBDA_METADATA_API', 'AWS_LAMBDA_METADATA_TOKEN']

function introspection(runtime: string): readonly Deviation[] {
  const scenario = `test_introspection_invoke[${runtime}]`
  return ['invocation_result_payload', 'invocation_result_payload_qualified'].flatMap((answer) => [
    { scenario, answer, why: endpoint, paths: ['.environment.AWS_ENDPOINT_URL_LAMBDA'] },
    {
      scenario,
      answer,
      why: metadata,
      paths: metadataVariables.map((each) => `.environment.${each}`),
    },
    { scenario, answer, why: recorder, paths: ['.packages'] },
  ])
}

export const deviations: readonly Deviation[] = [
  { scenario: 'test_lambda_with_context', answer: 'creation', why: age, paths: sinceThen },
  { scenario: 'test_lambda_environment', answer: 'creation-result', why: age, paths: sinceThen },
  {
    scenario: 'test_lambda_environment',
    answer: 'get-configuration-result',
    why: age,
    paths: sinceThen,
  },
  {
    scenario: 'test_lambda_code_location_zipfile',
    answer: 'get-function-response-updated',
    why: profile,
    paths: [
      'LastUpdateStatus',
      'LastUpdateStatusReason',
      'LastUpdateStatusReasonCode',
      'RevisionId',
    ].map((name) => `.Configuration.${name}`),
  },
  {
    scenario: 'test_lambda_init_environment',
    answer: 'lambda-init-inspection',
    why: endpoint,
    paths: ['.Payload.environment.AWS_ENDPOINT_URL_LAMBDA'],
  },
  {
    scenario: 'test_lambda_init_environment',
    answer: 'lambda-init-inspection',
    why: metadata,
    paths: metadataVariables.map((each) => `.Payload.environment.${each}`),
  },
  {
    scenario: 'test_runtime_introspection_x86',
    answer: 'invoke_runtime_x86_introspection',
    why: entrypoint,
    paths: ['gid', 'mode', 'owner', 'uid'].map(
      (name) => `.Payload.paths._lambda-entrypoint.sh_${name}`,
    ),
  },
  ...introspection('python3.12'),
  ...introspection('nodejs20.x'),
  ...introspection('provided.al2023'),
]

export interface Overtaken {
  readonly scenario: string
  readonly answer: string
  readonly member: string
  /** The newer recording that holds what AWS answers now. */
  readonly by: { readonly scenario: string; readonly answer: string }
}

/** Members of old answers for which a newer scenario recorded another answer. */
export const overtaken: readonly Overtaken[] = [
  {
    scenario: 'test_lambda_invoke_timed_out_environment_reuse',
    answer: 'invoke-result-timed-out',
    member: 'Payload',
    by: { scenario: 'test_lambda_invoke_with_timeout', answer: 'invoke-result' },
  },
]
