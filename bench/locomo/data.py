"""The turns and questions of LoCoMo (Maharana et al., 2024), from the file that LOCOMO names. Its licence is CC BY-NC
4.0: measure with it, publish scores, never put it into this repository."""
import json,os,re,sys
if 'LOCOMO' not in os.environ: sys.exit('locomo: set LOCOMO to the path of locomo10.json')
PATH=os.environ['LOCOMO']
MONTHS='January February March April May June July August September October November December'.split()
def load():
    convs=[]
    for x in json.load(open(PATH)):
        c=x['conversation']; turns=[]
        ks=sorted((int(k.split('_')[1]) for k,v in c.items() if k.startswith('session_') and isinstance(v,list)))
        for s in ks:
            date=c[f'session_{s}_date_time']
            for t in c[f'session_{s}']:
                turns.append(dict(id=t['dia_id'],s=s,date=date,speaker=t['speaker'],text=t['text'].strip(),cap=(t.get('blip_caption') or '').strip()))
        ids={t['id']:i for i,t in enumerate(turns)}
        qs=[]
        for q in x['qa']:
            if not q['evidence']: continue
            ev=set()
            for e in q['evidence']:
                for m in re.findall(r'D\d+:\d+',e):
                    if m in ids: ev.add(ids[m])
            qs.append(dict(q=q['question'],cat=q['category'],ev=sorted(ev)))
        convs.append(dict(turns=turns,qs=qs,names=[c['speaker_a'],c['speaker_b']]))
    return convs
def day(date):  # "1:56 pm on 8 May, 2023" -> "8 May 2023"
    return date.split(' on ')[1].replace(',','')
def sentences(text):
    out=[]
    for s in re.split(r'(?<=[.!?])\s+|\n+',text):
        if not s.strip(): continue
        if out and (len(out[-1].split())<4): out[-1]+=' '+s
        else: out.append(s.strip())
    if len(out)>1 and len(out[-1].split())<4:
        b=out.pop(); out[-1]+=' '+b
    return out or [text]
def line(t,d=True,cap=True):
    s=(day(t['date'])+'; ' if d else '')+t['speaker']+': '+t['text']
    if cap and t['cap']: s+='; '+t['cap']
    return s
def texts(kind):
    out=[]
    for c in load():
        T=c['turns']
        if kind=='q': out+= [q['q'] for q in c['qs']]
        elif kind=='qn': # names out
            for q in c['qs']:
                s=q['q']
                for n in c['names']: s=re.sub(r"\b%s('s)?\b"%n,'',s)
                out.append(re.sub(r'\s+',' ',s).strip())
        elif kind=='one': out+=[line(t) for t in T]
        elif kind=='bare': out+=[line(t,False) for t in T]
        elif kind=='text': out+=[t['text']+('; '+t['cap'] if t['cap'] else '') for t in T]
        elif kind[:3]=='win':
            b,a=int(kind[3]),int(kind[4])
            for i,t in enumerate(T):
                w=[u for u in T[max(0,i-b):i+a+1] if u['s']==t['s']]
                out.append(day(t['date'])+'; '+'\n'.join(line(u,False) for u in w))
        elif kind=='sent':
            for t in T:
                for s in sentences(t['text']): out.append(t['speaker']+': '+s)
    return out
if __name__=='__main__':
    c=load(); print(sum(len(x['qs']) for x in c),sum(not q['ev'] for x in c for q in x['qs']))
    for k in ('q','one','win11','sent'): print(k,len(texts(k)))
