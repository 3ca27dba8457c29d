"""Vectors of turns (bare) and questions (q) through the product's own API: LOCOMO=… NIMA_URL=… python embed.py bare q"""
import sys,json,base64,time,urllib.request,numpy as np,os
import data
def emb(texts):
    out=np.zeros((len(texts),384),np.float32)
    order=sorted(range(len(texts)),key=lambda i:len(texts[i])); B=48
    for k in range(0,len(texts),B):
        ix=order[k:k+B]
        r=urllib.request.Request(os.environ.get('NIMA_URL','http://127.0.0.1:8002')+'/v1/embeddings',json.dumps(dict(model='all-MiniLM-L6-v2',encoding_format='base64',input=[texts[i] for i in ix])).encode(),{'content-type':'application/json'})
        for attempt in range(5):
            try: d=json.load(urllib.request.urlopen(r,timeout=300)); break
            except Exception as e: print(e,flush=True); time.sleep(3)
        for e in d['data']: out[ix[e['index']]]=np.frombuffer(base64.b64decode(e['embedding']),np.float32)
    return out
for k in sys.argv[1:]:
    if os.path.exists(k+'.npy'): continue
    t=time.time(); x=data.texts(k); np.save(k+'.npy',emb(x)); print(k,len(x),round(time.time()-t,1),flush=True)
