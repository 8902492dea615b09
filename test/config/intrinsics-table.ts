// What each intrinsic function gives in the template of intrinsics.test.ts: rows, good and broken.

export interface Row {
  readonly claim: string
  /** YAML, in one line. */
  readonly expression: string
  /** The variable's value. */
  readonly gives?: string
  /** It has none: the one warning, without its place. */
  readonly unresolved?: RegExp
  /** The variable is not there, and nothing is said. */
  readonly removed?: true
  /** EMU_CONFIG_INVALID: its message. */
  readonly invalid?: RegExp
  readonly hint?: RegExp
}

const account = '123456789012'

export const references: readonly Row[] = [
  { claim: 'a word that YAML 1.1 reads as a boolean', expression: 'no', gives: 'false' },
  { claim: 'a letter that CloudFormation does not', expression: 'n', gives: 'n' },
  { claim: 'its capital', expression: 'Y', gives: 'Y' },
  { claim: 'Ref of a parameter', expression: '!Ref Stage', gives: 'dev' },
  { claim: 'Ref in its long form', expression: '{ Ref: Port }', gives: '8080' },
  {
    claim: 'Ref of a parameter without a value',
    expression: '!Ref Empty',
    unresolved: /!Ref Empty has no value here \(parameter Empty has no Default and is not given\)/,
  },
  {
    claim: 'Ref of what is not there',
    expression: '!Ref Stagee',
    unresolved: /there is no parameter or resource Stagee; did you mean Stage\?/,
  },
  {
    claim: 'Ref of a resource whose condition is false',
    expression: '!Ref OnlyProd',
    unresolved: /OnlyProd is not there: IsProd is false/,
  },
  { claim: 'Ref of a list', expression: '!Ref [a]', invalid: /the arguments of Ref are wrong/ },
  { claim: 'Ref of NoValue', expression: '!Ref AWS::NoValue', removed: true },
  { claim: 'Ref of the account', expression: '!Ref AWS::AccountId', gives: account },
  { claim: 'Ref of the region', expression: '!Ref AWS::Region', gives: 'eu-west-1' },
  { claim: 'Ref of the partition', expression: '!Ref AWS::Partition', gives: 'aws' },
  { claim: 'Ref of the URL suffix', expression: '!Ref AWS::URLSuffix', gives: 'amazonaws.com' },
  { claim: 'Ref of the stack name', expression: '!Ref AWS::StackName', gives: 'local' },
  {
    claim: 'Ref of the stack id',
    expression: '!Ref AWS::StackId',
    gives: `arn:aws:cloudformation:eu-west-1:${account}:stack/local/00000000-0000-0000-0000-000000000000`,
  },
  {
    claim: 'Ref of the notification ARNs is an empty list',
    expression: "!Join [',', !Ref AWS::NotificationARNs]",
    gives: '',
  },
  { claim: 'Ref of a named table', expression: '!Ref Orders', gives: 'orders' },
  { claim: 'Ref of an unnamed table', expression: '!Ref Unnamed', gives: 'local-Unnamed' },
  { claim: 'Ref of a simple table', expression: '!Ref Simple', gives: 'local-Simple' },
  {
    claim: 'Ref of a queue is its URL',
    expression: '!Ref Queue',
    gives: `https://sqs.eu-west-1.amazonaws.com/${account}/jobs`,
  },
  {
    claim: 'name of an unnamed FIFO queue',
    expression: '!GetAtt Fifo.QueueName',
    gives: 'local-Fifo.fifo',
  },
  {
    claim: 'Ref of a topic is its ARN',
    expression: '!Ref Topic',
    gives: `arn:aws:sns:eu-west-1:${account}:dev-news`,
  },
  {
    claim: 'Ref of an unnamed bucket is lower case',
    expression: '!Ref Bucket',
    gives: 'local-bucket',
  },
  { claim: 'Ref of a role', expression: '!Ref Role', gives: 'runner' },
  { claim: 'Ref of a function', expression: '!Ref Other', gives: 'other' },
  { claim: 'Ref of a log group', expression: '!Ref LogGroup', gives: '/aws/x' },
  {
    claim: 'Ref of a state machine is its ARN',
    expression: '!Ref Machine',
    gives: `arn:aws:states:eu-west-1:${account}:stateMachine:flow`,
  },
  { claim: 'Ref of a parameter of SSM', expression: '!Ref Setting', gives: '/a/b' },
  {
    claim: 'Ref of a layer is the ARN of its version',
    expression: '!Ref Layer',
    gives: `arn:aws:lambda:eu-west-1:${account}:layer:deps:1`,
  },
  {
    claim: 'Ref of a network',
    expression: '!Ref Vpc',
    unresolved: /AWS::EC2::VPC exists only on AWS/,
  },
  {
    claim: 'Ref of a bucket whose name has no value',
    expression: '!Ref NamedByNobody',
    unresolved: /parameter Empty has no Default/,
  },
  {
    claim: 'Ref of a bucket that is named after itself',
    expression: '!Ref Circle',
    unresolved: /Circle\.BucketName needs itself/,
  },
  { claim: 'stage of a REST API', expression: '!Ref Rest.Stage', gives: 'dev' },
  { claim: 'stage resource that SAM makes', expression: '!Ref RestdevStage', gives: 'dev' },
  {
    claim: 'stage of the implicit REST API',
    expression: '!Ref ServerlessRestApiProdStage',
    gives: 'Prod',
  },
  { claim: 'stage of an HTTP API', expression: `!Sub '\${Http.Stage}'`, gives: '$default' },
  { claim: 'role that SAM makes', expression: '!Ref OtherRole', gives: 'OtherRole' },
]

export const attributes: readonly Row[] = [
  {
    claim: 'ARN of a function',
    expression: '!GetAtt Other.Arn',
    gives: `arn:aws:lambda:eu-west-1:${account}:function:other`,
  },
  {
    claim: 'ARN of a table, as a list',
    expression: '!GetAtt [Orders, Arn]',
    gives: `arn:aws:dynamodb:eu-west-1:${account}:table/orders`,
  },
  {
    claim: 'ARN of a queue',
    expression: '!GetAtt Queue.Arn',
    gives: `arn:aws:sqs:eu-west-1:${account}:jobs`,
  },
  {
    claim: 'ARN of a bucket',
    expression: '!GetAtt Bucket.Arn',
    gives: 'arn:aws:s3:::local-bucket',
  },
  {
    claim: 'ARN of a role with a path',
    expression: '!GetAtt Role.Arn',
    gives: `arn:aws:iam::${account}:role/team/runner`,
  },
  {
    claim: 'ARN of a log group ends in a star',
    expression: '!GetAtt LogGroup.Arn',
    gives: `arn:aws:logs:eu-west-1:${account}:log-group:/aws/x:*`,
  },
  {
    claim: 'ARN of an event bus',
    expression: '!GetAtt Bus.Arn',
    gives: `arn:aws:events:eu-west-1:${account}:event-bus/bus`,
  },
  { claim: 'value of a parameter of SSM', expression: '!GetAtt Setting.Value', gives: 'dev' },
  {
    claim: 'ARN of the role that SAM makes',
    expression: '!GetAtt OtherRole.Arn',
    gives: `arn:aws:iam::${account}:role/OtherRole`,
  },
  {
    claim: 'attribute that only AWS knows',
    expression: '!GetAtt Orders.StreamArn',
    unresolved: /StreamArn of AWS::DynamoDB::Table exists only on AWS/,
  },
  {
    claim: 'attribute of what is not there',
    expression: '!GetAtt Odrers.Arn',
    unresolved: /there is no parameter or resource Odrers; did you mean Orders\?/,
  },
  {
    claim: 'GetAtt without an attribute',
    expression: '!GetAtt Orders',
    invalid: /the arguments of Fn::GetAtt are wrong/,
    hint: /a resource and an attribute/,
  },
]

export const texts: readonly Row[] = [
  { claim: 'Sub of a parameter', expression: `!Sub 'x-\${Stage}'`, gives: 'x-dev' },
  {
    claim: 'Sub of an attribute',
    expression: `!Sub '\${Bucket.Arn}/*'`,
    gives: 'arn:aws:s3:::local-bucket/*',
  },
  {
    claim: 'Sub keeps what has an exclamation mark',
    expression: `!Sub '\${!Stage}-\${Stage}'`,
    gives: `\${Stage}-dev`,
  },
  {
    claim: 'Sub with its own variables',
    expression: `!Sub ['\${a}-\${Stage}', { a: !Ref Port }]`,
    gives: '8080-dev',
  },
  {
    claim: 'Sub with a name that is not there',
    expression: `!Sub '\${Nobody}'`,
    unresolved: /there is no parameter or resource Nobody/,
  },
  {
    claim: 'Sub of a list',
    expression: `!Sub '\${Zones}'`,
    unresolved: /\$\{Zones\} is not a text/,
  },
  { claim: 'Sub of a map', expression: '!Sub { a: b }', invalid: /the arguments of Fn::Sub/ },
  { claim: 'Join', expression: "!Join ['-', [a, !Ref Stage, 3]]", gives: 'a-dev-3' },
  {
    claim: 'Join of a parameter that is a list',
    expression: "!Join ['|', !Ref Zones]",
    gives: 'a|b|c',
  },
  {
    claim: 'Join leaves NoValue out',
    expression: "!Join ['-', [a, !Ref AWS::NoValue, b]]",
    gives: 'a-b',
  },
  {
    claim: 'Join with what has no value',
    expression: "!Join ['-', [a, !Ref Vpc]]",
    unresolved: /!Join .*AWS::EC2::VPC exists only on AWS/,
  },
  {
    claim: 'Join without a list',
    expression: "!Join ['-', a]",
    invalid: /arguments of Fn::Join/,
    hint: /delimiter/,
  },
  { claim: 'Split and Select', expression: "!Select [1, !Split [',', 'a,b,c']]", gives: 'b' },
  { claim: 'Select with an index that is a text', expression: "!Select ['0', [x, y]]", gives: 'x' },
  {
    claim: 'Select needs no value for the others',
    expression: '!Select [0, [x, !Ref Vpc]]',
    gives: 'x',
  },
  {
    claim: 'Select past the end',
    expression: '!Select [3, !Ref Zones]',
    unresolved: /the list has 3 items, and none with index 3/,
  },
  {
    claim: 'Select with a word',
    expression: '!Select [first, [x]]',
    invalid: /arguments of Fn::Select/,
  },
  {
    claim: 'Split of a list',
    expression: "!Join ['', !Split [',', [a]]]",
    invalid: /arguments of Fn::Split/,
  },
  { claim: 'Base64', expression: "!Base64 'hello'", gives: 'aGVsbG8=' },
  {
    claim: 'Base64 of a text that is worked out',
    expression: `{ "Fn::Base64": !Sub "\${Stage}" }`,
    gives: 'ZGV2',
  },
  { claim: 'Base64 of a list', expression: '!Base64 [a]', invalid: /arguments of Fn::Base64/ },
  { claim: 'GetAZs of the own region', expression: "!Select [0, !GetAZs '']", gives: 'eu-west-1a' },
  {
    claim: 'GetAZs of another region',
    expression: '!Select [1, !GetAZs us-east-1]',
    gives: 'us-east-1b',
  },
  {
    claim: 'Cidr',
    expression: "!Join [' ', !Cidr [10.0.0.0/16, 3, 8]]",
    gives: '10.0.0.0/24 10.0.1.0/24 10.0.2.0/24',
  },
  {
    claim: 'Cidr of IPv6',
    expression: "!Select [1, !Cidr ['2001:db8::/56', 2, 64]]",
    gives: '2001:db8:0:1::/64',
  },
  {
    claim: 'Cidr of more than there is',
    expression: '!Select [0, !Cidr [10.0.0.0/24, 3, 7]]',
    invalid: /arguments of Fn::Cidr/,
    hint: /no more blocks than 10\.0\.0\.0\/24 holds: 2/,
  },
  {
    claim: 'Cidr of no block',
    expression: '!Select [0, !Cidr [ten, 1, 8]]',
    invalid: /arguments of Fn::Cidr/,
  },
  { claim: 'FindInMap', expression: '!FindInMap [Sizes, !Ref Stage, Memory]', gives: '128' },
  {
    claim: 'FindInMap of a list',
    expression: "!Join [',', !FindInMap [Sizes, dev, Hosts]]",
    gives: 'one,two',
  },
  {
    claim: 'FindInMap without the key',
    expression: '!FindInMap [Sizes, prod, Memory]',
    unresolved: /Mappings have no Sizes\.prod\.Memory/,
  },
  {
    claim: 'FindInMap of two names',
    expression: '!FindInMap [Sizes, dev]',
    invalid: /arguments of Fn::FindInMap/,
  },
  {
    claim: 'ImportValue that is given',
    expression: `!ImportValue { 'Fn::Sub': 'net-\${Stage}' }`,
    gives: 'vpc-1',
  },
  {
    claim: 'ImportValue that is not given',
    expression: '!ImportValue other',
    unresolved: /the export other of another stack is not given/,
  },
  {
    claim: 'a dynamic reference is kept',
    expression: "'{{resolve:ssm:/db/url}}'",
    gives: '{{resolve:ssm:/db/url}}',
    unresolved: /\{\{resolve:ssm:\/db\/url\}\} is looked up only on AWS; the text is kept as it is/,
  },
  {
    claim: 'a function that nobody knows',
    expression: '{ "Fn::Jion": [a] }',
    invalid: /there is no function Fn::Jion/,
  },
  {
    claim: 'another macro',
    expression: '!Transform { Name: Mine }',
    unresolved: /macros run only on AWS/,
  },
]

export const choices: readonly Row[] = [
  { claim: 'If that is true', expression: '!If [IsDev, a, b]', gives: 'a' },
  { claim: 'If that is false', expression: '!If [IsProd, a, !Ref Stage]', gives: 'dev' },
  {
    claim: 'If needs no value for the branch not taken',
    expression: '!If [IsDev, a, !Ref Vpc]',
    gives: 'a',
  },
  {
    claim: 'If that takes NoValue',
    expression: '!If [IsProd, a, !Ref AWS::NoValue]',
    removed: true,
  },
  {
    claim: 'If without a value for its condition',
    expression: '!If [Unknown, a, b]',
    unresolved: /!If Unknown has no value here \(!Ref Empty: parameter Empty/,
  },
  {
    claim: 'If of a condition that is not there',
    expression: '!If [IsDve, a, b]',
    invalid: /there is no condition IsDve/,
    hint: /did you mean IsDev/,
  },
  { claim: 'If with one branch', expression: '!If [IsDev, a]', invalid: /arguments of Fn::If/ },
  {
    claim: 'Equals outside of Conditions',
    expression: '!Equals [a, a]',
    invalid: /Fn::Equals cannot stand here/,
    hint: /Conditions/,
  },
]

export const extensions: readonly Row[] = [
  { claim: 'Length', expression: '!Length [a, b]', gives: '2' },
  {
    claim: 'Length of a parameter',
    expression: `!Sub ['\${n}', { n: !Length { Ref: Zones } }]`,
    gives: '3',
  },
  { claim: 'Length of a text', expression: '!Length abc', invalid: /arguments of Fn::Length/ },
  {
    claim: 'ToJsonString',
    expression: '!ToJsonString { a: !Ref Stage, b: [1, true], c: !Ref AWS::NoValue }',
    gives: '{"a":"dev","b":[1,true]}',
  },
  {
    claim: 'FindInMap with a DefaultValue',
    expression: '!FindInMap [Sizes, prod, Memory, { DefaultValue: 64 }]',
    gives: '64',
  },
]

export const withoutExtensions: readonly Row[] = [
  {
    claim: 'Length without the transform',
    expression: '!Length [a]',
    invalid: /Fn::Length needs AWS::LanguageExtensions/,
    hint: /Transform/,
  },
]
