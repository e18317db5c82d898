set -e
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
git init -q app
cd app
printf "#!/bin/sh\ncp app.txt \"\$BENCH_OUTPUT\"\n" >build.sh
chmod 755 build.sh
for n in 0 1 2; do
	speed=1
	if [ $n -ge 2 ]; then speed=0.7; fi
	echo "change $n" >log.txt
	echo "revision $n speed=$speed" >app.txt
	git add .
	git commit -q -m "change $n"
	git tag v$n
done
