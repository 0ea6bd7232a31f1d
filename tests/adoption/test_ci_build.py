"""The build of a service is found in the .gitlab-ci.yml that deployed it."""

from __future__ import annotations

import pytest

from tasks.adoption.ci_build import commands

ARTICLE = """
stages: [deploy]
deploy_develop:
  stage: deploy
  only: [develop]
  script:
    - cd $GOPATH/src/git.domain.com/micro/monitor && git pull && git checkout develop && go build
    - mkdir -p logs && supervisorctl -c ../../supervisord.conf update && supervisorctl restart monitor
"""
TWO_JOBS = """
.base: &base {script: [git pull, make, supervisorctl restart x]}
staging: {<<: *base, only: [develop]}
production:
  only: [master]
  before_script: [cd /srv/x, git fetch --all]
  script:
    - git reset --hard origin/master
    - npm ci
    - |
      cd frontend && npm run build -- --name "a && b"
      cd ..
    - sudo supervisorctl restart x
"""


BY_SSH = """
deploy:
  before_script: [eval $(ssh-agent -s), ssh-keyscan -H $HOST >> ~/.ssh/known_hosts]
  script:
    - ssh -o "StrictHostKeyChecking=no" "${USER}@$HOST" "cd ${DIR}; git checkout main; git pull;
      pip install -r requirements.txt; sudo supervisorctl restart shop && exit"
"""
BY_HERE_DOCUMENT = """
deploy:
  script:
    - |
      sshpass -p "$PASSWORD" ssh -T $USER@$HOST << 'EOF'
        cd /srv/shop
        git pull origin main
        if [ -f package.json ]; then npm ci; fi
        supervisorctl restart shop
      EOF
      echo deployed
"""
IN_A_BLOCK = """
deploy:
  script:
    - |
      echo "deploy it now"
      ssh -l $USER $HOST "
      cd ${DIR} &&
      sudo git pull &&
      composer install --no-interaction
      php artisan migrate --force; sudo supervisorctl restart 'worker:*'
      "
"""


@pytest.mark.parametrize(("text", "branch", "build"), [
    (BY_SSH, "main", ["pip install -r requirements.txt"]),
    (BY_HERE_DOCUMENT, "main", ["if [ -f package.json ]; then npm ci; fi"]),
    (IN_A_BLOCK, "main", ["composer install --no-interaction", "php artisan migrate --force"]),
    ("job: {script: [ssh host ./deploy.sh && supervisorctl status]}", "m", []),
    ("job: {script: ['ssh host \"git pull; supervisorctl restart']}", "m", []),
    ("job: {script: ['git pull; make; supervisorctl restart x']}", "m", ["make"]),
    (ARTICLE, "develop", ["go build"]),
    (TWO_JOBS, "develop", ["make"]),
    (TWO_JOBS, "master", ["npm ci", "cd frontend", 'npm run build -- --name "a && b"', "cd .."]),
    (TWO_JOBS, "other", ["make"]),
    ("job: {script: [!reference [.x, script], git pull, make & wait, supervisorctl update]}", "m", ["make & wait"]),
    ("job: {script: [go test ./...]}", "m", []),
    ("job: {script: [supervisorctl restart x]}", "m", []),
    ("job: [", "m", []), ("", "m", []), ("- 1", "m", []), ("job: {script: {a: 1}}", "m", []),
])
def test_lines_between_checkout_and_supervisorctl_are_the_build(text: str, branch: str, build: list[str]) -> None:
    assert commands(text, branch) == build
