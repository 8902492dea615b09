// What loading a template says of its APIs where the corpus only knows that it says something: texts, hints, ids.

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { load } from '../../src/config/load.js'
import { projectWith } from './project.js'

const globals = `
Globals:
  Function: { Runtime: nodejs22.x, Handler: index.handler, CodeUri: src }
`

async function loaded(t: Test, text: string) {
  return load(projectWith(t, { 'template.yaml': `${globals}${text}` }))
}

t.test(
  'an id is ten letters and digits, the same in every load, another for another API',
  async (t) => {
    const text = `
Resources:
  A: { Type: AWS::Serverless::HttpApi }
  B: { Type: AWS::Serverless::HttpApi }
  Hello: { Type: AWS::Serverless::Function }
`
    const first = (await loaded(t, text)).apis.map(({ id }) => id)
    const second = (await loaded(t, text)).apis.map(({ id }) => id)
    t.same(first, second)
    t.equal(new Set(first).size, 2)
    for (const id of first) t.match(id, /^[a-z][a-z0-9]{9}$/)
  },
)

t.test('one warning tells every guard of an API and the routes that it guards', async (t) => {
  const { warnings } = await loaded(
    t,
    `
Resources:
  Shop:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      Auth:
        DefaultAuthorizer: Tokens
        ApiKeyRequired: true
        Authorizers: { Tokens: { FunctionArn: !GetAtt Hello.Arn } }
        ResourcePolicy: { IpRangeBlacklist: [1.2.3.4] }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        A: { Type: Api, Properties: { RestApiId: !Ref Shop, Path: /a, Method: get } }
        B:
          Type: Api
          Properties:
            RestApiId: !Ref Shop
            Path: /b
            Method: post
            Auth: { Authorizer: AWS_IAM, ApiKeyRequired: false }
`,
  )
  t.same(warnings, [
    {
      code: 'W_NOT_EMULATED',
      property: 'Resources.Shop.Properties.Auth',
      message:
        'not emulated yet, requests get through without: resource policy; authorizer Tokens (GET /a); ' +
        'API key (GET /a); IAM authorization (POST /b)',
    },
  ])
})

t.test('an authorizer with NONE, and no guard at all, are silent', async (t) => {
  const { warnings } = await loaded(
    t,
    `
Resources:
  Shop:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        Authorizers: { Tokens: { JwtConfiguration: { issuer: a, audience: [b] }, IdentitySource: c } }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        A:
          Type: HttpApi
          Properties: { ApiId: !Ref Shop, Path: /a, Method: get, Auth: { Authorizer: NONE } }
`,
  )
  t.same(warnings, [])
})

t.test('authorizers that have no value here may hold any name', async (t) => {
  const { apis, warnings } = await loaded(
    t,
    `
Resources:
  Shop:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth: { Authorizers: !ImportValue theirs }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        A:
          Type: HttpApi
          Properties: { ApiId: !Ref Shop, Path: /a, Method: get, Auth: { Authorizer: Theirs } }
`,
  )
  t.equal(apis.length, 1)
  t.same(
    warnings.map(({ code }) => code),
    ['W_UNRESOLVED', 'W_NOT_EMULATED'],
  )
})

t.test('the route of a function that is left out says which function that is', async (t) => {
  const { apis } = await loaded(
    t,
    `
Resources:
  Hello: { Type: AWS::Serverless::Function }
  Java:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: java21
      Handler: a.B::c
      Events:
        Get: { Type: HttpApi, Properties: { Path: /, Method: get } }
`,
  )
  t.match(apis, [
    {
      routes: [
        {
          routeKey: 'GET /',
          target: { is: 'not-emulated', reason: 'function Java is left out' },
        },
      ],
    },
  ])
})

t.test('payload formats are read with and without quotes, and 2.0 is the default', async (t) => {
  const versions: readonly (readonly [string, string])[] = [
    ["PayloadFormatVersion: '1.0'", '1.0'],
    ['PayloadFormatVersion: 1.0', '1.0'],
    ['PayloadFormatVersion: 2.0', '2.0'],
    ['TimeoutInMillis: 50', '2.0'],
  ]
  for (const [line, version] of versions) {
    const { apis } = await loaded(
      t,
      `
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        A: { Type: HttpApi, Properties: { Path: /a, Method: get, ${line} } }
`,
    )
    t.match(apis, [{ routes: [{ target: { payloadFormatVersion: version } }] }], line)
  }
})

t.test(
  'a header that is worked out for each request is left out of a preflight, with a warning',
  async (t) => {
    const { apis, warnings } = await loaded(
      t,
      `
Resources:
  Shop:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      Cors: { AllowOrigin: "'*'", AllowHeaders: stageVariables.headers }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        A: { Type: Api, Properties: { RestApiId: !Ref Shop, Path: /a, Method: get } }
`,
    )
    t.match(apis, [
      {
        resources: [
          {
            methods: {
              OPTIONS: {
                headers: {
                  'Access-Control-Allow-Origin': '*',
                  'Access-Control-Allow-Methods': 'GET,OPTIONS',
                  'Access-Control-Allow-Headers': undefined,
                },
              },
            },
          },
        ],
      },
    ])
    t.same(
      warnings.map(({ property }) => property),
      ['Resources.Shop.Properties.Cors.AllowHeaders'],
    )
  },
)

t.test('Cors and CorsConfiguration that say false are not there', async (t) => {
  const { apis } = await loaded(
    t,
    `
Resources:
  Rest: { Type: AWS::Serverless::Api, Properties: { StageName: Prod, Cors: '' } }
  Http: { Type: AWS::Serverless::HttpApi, Properties: { CorsConfiguration: false } }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        A: { Type: Api, Properties: { RestApiId: !Ref Rest, Path: /a, Method: get } }
`,
  )
  t.match(apis, [{ resources: [{ path: '/a', methods: { OPTIONS: undefined } }] }, {}])
  t.equal('cors' in (apis[1] ?? {}), false)
})

t.test('a handler file and lambda-emu.json have no API that nobody wrote', async (t) => {
  const folder = projectWith(t, {
    'lambda-emu.json': JSON.stringify({
      functions: { hello: { runtime: 'nodejs22.x', handler: 'index.handler', code: 'src' } },
    }),
  })
  t.same((await load(join(folder, 'lambda-emu.json'))).apis, [])
})
