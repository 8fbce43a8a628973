curl -X POST http://localhost:8080/api/v1/parallel \
  -H "Content-Type: application/json" \
  -d '{
    "tasks": [
      {"backend": "claude", "prompt": "任务 1"},
      {"backend": "codex", "prompt": "任务 2"}
    ]
  }'
