#!/usr/bin/env bash
# The calls of the workflow that DX documents for GitHub Actions: the checkout's commit, jq for
# the body, curl to send it, and jq again if it is refused.
commit=$(git rev-parse HEAD)
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
body=$(jq -n \
  --arg service shop --arg repository "$GITHUB_REPOSITORY" --arg commit "$commit" --arg now "$now" \
  '{service: {identifier: $service}, repository: $repository, commit_sha: $commit, deployed_at: $now}')
status=$(curl --silent --output "$RUNNER_TEMP/reply.json" --write-out '%{http_code}' \
  --request POST --header "Authorization: Bearer $DX_TOKEN" \
  --header 'Content-Type: application/json' --data "$body" "$DX_URL/api/deployments.create")
if [ "$status" -ne 200 ]; then
  jq -r '.error, .message' "$RUNNER_TEMP/reply.json"
  exit 1
fi
