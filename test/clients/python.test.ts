// boto3 against a real emulator.

import { join } from 'node:path'
import { repositoryRoot } from '../support/paths.js'
import { playAll, separateProcess } from './play.js'
import { prepared } from './prepared.js'

const script = join(repositoryRoot, 'test/clients/python/client.py')
playAll({ name: 'boto3', client: separateProcess(prepared.python, [script]) })
