// CloudFormation's pseudo parameters: what AWS::Region and its like stand for.

import { type Scope, text } from './scope.js'
import type { SourceNode } from './source.js'

type Place = Pick<Scope, 'region' | 'accountId' | 'stackName'>

/**
 * undefined for a name that is no pseudo parameter. AWS::NoValue is not among them: it removes what it stands for.
 * Source: CloudFormation user guide, pseudo parameters.
 */
export function pseudoParameter(place: Place, name: string): SourceNode | undefined {
  switch (name) {
    case 'AWS::AccountId':
      return text(place.accountId)
    case 'AWS::Region':
      return text(place.region)
    case 'AWS::Partition':
      return text(partitionOf(place.region))
    case 'AWS::URLSuffix':
      return text(urlSuffixOf(place.region))
    case 'AWS::StackName':
      return text(place.stackName)
    case 'AWS::StackId': {
      const id = `${place.stackName}/00000000-0000-0000-0000-000000000000`
      const partition = partitionOf(place.region)
      return text(`arn:${partition}:cloudformation:${place.region}:${place.accountId}:stack/${id}`)
    }
    case 'AWS::NotificationARNs':
      return { is: 'list', line: 1, items: [] }
    default:
      return undefined
  }
}

export function partitionOf(region: string): string {
  if (region.startsWith('us-gov-')) return 'aws-us-gov'
  return region.startsWith('cn-') ? 'aws-cn' : 'aws'
}

export function urlSuffixOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
}
