// Which properties of a function in a template have an effect here, which are only kept, and which are not emulated: one table.

export type Standing =
  /** It has its effect. */
  | 'honoured'
  /** Kept and shown; without effect on one machine, and silent. */
  | 'recorded'
  /** One warning: the function may behave differently on AWS. */
  | 'not-emulated'

/** AWS::Serverless::Function. Source: AWS SAM specification and its transform (2026). */
export const serverlessProperties: Readonly<Record<string, Standing>> = {
  FunctionName: 'honoured',
  Runtime: 'honoured',
  Handler: 'honoured',
  CodeUri: 'honoured',
  MemorySize: 'honoured',
  Timeout: 'honoured',
  Environment: 'honoured',
  Description: 'honoured',
  EphemeralStorage: 'honoured',
  Architectures: 'honoured',
  Layers: 'honoured',
  LoggingConfig: 'honoured',
  Tracing: 'honoured',
  PackageType: 'honoured',
  InlineCode: 'honoured',
  ImageUri: 'honoured',
  Events: 'honoured',
  Role: 'recorded',
  Policies: 'recorded',
  PermissionsBoundary: 'recorded',
  AssumeRolePolicyDocument: 'recorded',
  RolePath: 'recorded',
  Tags: 'recorded',
  PropagateTags: 'recorded',
  KmsKeyArn: 'recorded',
  SourceKMSKeyArn: 'recorded',
  CodeSigningConfigArn: 'recorded',
  RuntimeManagementConfig: 'recorded',
  VersionDeletionPolicy: 'recorded',
  DeploymentPreference: 'recorded',
  AutoPublishAliasAllProperties: 'recorded',
  AutoPublishCodeSha256: 'recorded',
  RecursiveLoop: 'recorded',
  ImageConfig: 'recorded',
  VpcConfig: 'not-emulated',
  DeadLetterQueue: 'not-emulated',
  EventInvokeConfig: 'not-emulated',
  ReservedConcurrentExecutions: 'not-emulated',
  ProvisionedConcurrencyConfig: 'not-emulated',
  AutoPublishAlias: 'not-emulated',
  SnapStart: 'not-emulated',
  FunctionUrlConfig: 'not-emulated',
  FileSystemConfigs: 'not-emulated',
  TenancyConfig: 'not-emulated',
  DurableConfig: 'not-emulated',
  CapacityProviderConfig: 'not-emulated',
  FunctionScalingConfig: 'not-emulated',
  PublishToLatestPublished: 'not-emulated',
}

/** AWS::Lambda::Function. Source: CloudFormation resource reference (2026). */
export const lambdaProperties: Readonly<Record<string, Standing>> = {
  FunctionName: 'honoured',
  Runtime: 'honoured',
  Handler: 'honoured',
  Code: 'honoured',
  MemorySize: 'honoured',
  Timeout: 'honoured',
  Environment: 'honoured',
  Description: 'honoured',
  EphemeralStorage: 'honoured',
  Architectures: 'honoured',
  Layers: 'honoured',
  LoggingConfig: 'honoured',
  TracingConfig: 'honoured',
  PackageType: 'honoured',
  Role: 'recorded',
  Tags: 'recorded',
  KmsKeyArn: 'recorded',
  CodeSigningConfigArn: 'recorded',
  RuntimeManagementConfig: 'recorded',
  RecursiveLoop: 'recorded',
  ImageConfig: 'recorded',
  VpcConfig: 'not-emulated',
  DeadLetterConfig: 'not-emulated',
  ReservedConcurrentExecutions: 'not-emulated',
  SnapStart: 'not-emulated',
  FileSystemConfigs: 'not-emulated',
  TenancyConfig: 'not-emulated',
  DurableConfig: 'not-emulated',
  CapacityProviderConfig: 'not-emulated',
  FunctionScalingConfig: 'not-emulated',
  PublishToLatestPublished: 'not-emulated',
}

/** What Globals.Function of a SAM template may hold: everything that is not of one function only. */
export const globalsProperties: ReadonlySet<string> = new Set(
  Object.keys(serverlessProperties).filter(
    (name) =>
      !['FunctionName', 'Role', 'Policies', 'PackageType', 'InlineCode', 'ImageUri'].includes(
        name,
      ) && name !== 'Events',
  ),
)

/** Resources that a template may hold beside functions and that need no word: read elsewhere, or without effect on one machine. */
const silentResources =
  /^AWS::(IAM::|Logs::LogGroup$|Lambda::Permission$|CDK::Metadata$|CloudFormation::WaitConditionHandle$|Serverless::(LayerVersion|Api|HttpApi)$|Lambda::LayerVersion$|SSM::Parameter$|KMS::|CloudWatch::)/

/** Resources that call functions, or change which code a call reaches. */
const neededResources =
  /^AWS::(Serverless::(?!SimpleTable$)|ApiGateway|Events::|Scheduler::|Lambda::|StepFunctions::|CloudFormation::Stack$)/

/** `silent`: no word. `not-emulated`: it would call a function or change one. `elsewhere`: a service of its own. */
export function resourceStanding(type: string): 'silent' | 'not-emulated' | 'elsewhere' {
  if (silentResources.test(type)) return 'silent'
  return neededResources.test(type) ? 'not-emulated' : 'elsewhere'
}
