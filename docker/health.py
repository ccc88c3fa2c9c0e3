"""Exit 0 if a page answers 200 and, with a second argument, its JSON calls that part healthy.

usage: health.py URL [PART]     e.g. health.py http://127.0.0.1:25333/api/v2/monitor/health scheduler
"""

import json
import sys
import urllib.request

url, *parts = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the machine's own pages need no proxy
with opener.open(url, timeout=8) as answer:
    body = answer.read()
sys.exit(0 if all(json.loads(body)[part]["status"] == "healthy" for part in parts) else 1)
